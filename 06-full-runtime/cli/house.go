package cli

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"example.com/container-go/06-full-runtime/store"
)

// Removed says what --prune has removed.
func Removed(pruned ...store.Pruned) {
	layers, bytes := 0, int64(0)
	for _, p := range pruned {
		for _, img := range p.Images {
			Say("removed image " + store.Familiar(img.Ref))
		}
		layers, bytes = layers+p.Layers, bytes+p.Bytes
	}
	s := "s"
	if layers == 1 {
		s = ""
	}
	Say(fmt.Sprintf("removed %d layer%s, %.1f MB", layers, s, float64(bytes)/1e6))
}

// List prints a line for each image: which owners its files have depends on the
// user namespace, so that one image may be there twice.
func List(stores []*store.Store) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "IMAGE\tPLATFORM\tSIZE\tPULLED\tROOT IS UID")
	for _, s := range stores {
		images, err := s.Images()
		if err != nil {
			return err
		}
		root, _ := s.Map.Root()
		for _, img := range images {
			fmt.Fprintf(w, "%s\t%s\t%.1f MB\t%s\t%d\n", store.Familiar(img.Ref), img.Platform, float64(img.Size)/1e6, img.Pulled.Local().Format(time.DateTime), root)
		}
	}
	return w.Flush()
}
