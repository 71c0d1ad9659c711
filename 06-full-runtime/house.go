package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"example.com/container-go/05-oci-pull/interrupt"
	"example.com/container-go/06-full-runtime/container"
	"example.com/container-go/06-full-runtime/store"
)

// keepHouse does what --prune and --images ask for, instead of running something.
func keepHouse(r request) (status int, err error) {
	ctx, stop := interrupt.Context()
	defer stop()
	stores, err := store.OpenAll(r.store)
	if err == nil && r.prune != "" {
		err = prune(ctx, r, stores)
	}
	if status, interrupted := interrupt.Status(ctx); interrupted {
		return status, errors.New("interrupted")
	}
	if err == nil && r.images {
		err = list(stores)
	}
	if err != nil {
		return container.StatusFailed, err
	}
	return 0, nil
}

func prune(ctx context.Context, r request, stores []*store.Store) error {
	var layers int
	var bytes int64
	for _, s := range stores {
		pruned, err := s.Prune(ctx, r.prune == "all", func() { say("waiting for runs that are pulling an image") })
		for _, img := range pruned.Images {
			say("removed image " + img.Ref)
		}
		layers, bytes = layers+pruned.Layers, bytes+pruned.Bytes
		if err != nil {
			return err
		}
	}
	s := "s"
	if layers == 1 {
		s = ""
	}
	say(fmt.Sprintf("removed %d layer%s, %.1f MB", layers, s, float64(bytes)/1e6))
	return nil
}

// list prints a line for each image: which owners its files have depends on the
// user namespace, so that one image may be there twice.
func list(stores []*store.Store) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "IMAGE\tPLATFORM\tSIZE\tPULLED\tROOT IS UID")
	for _, s := range stores {
		images, err := s.Images()
		if err != nil {
			return err
		}
		root, _ := s.Map.Root()
		for _, img := range images {
			fmt.Fprintf(w, "%s\t%s\t%.1f MB\t%s\t%d\n", img.Ref, img.Platform, float64(img.Size)/1e6, img.Pulled.Local().Format(time.DateTime), root)
		}
	}
	return w.Flush()
}
