// Package fetch fills the store: it pulls an image with lesson 5's packages, its
// layers side by side. A run whose image is in the store never comes here.
package fetch

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/progress"
	"example.com/container-go/05-oci-pull/pull"
	"example.com/container-go/06-full-runtime/store"
)

// atOnce is how many layers are fetched and unpacked at a time: unpacking keeps a
// processor busy, fetching waits.
const atOnce = 4

// pullImage puts an image into the store, with those of its layers that are not there
// yet.
func pullImage(ctx context.Context, s *store.Store, ref string, o image.Options) (*store.Image, error) {
	img, err := image.Open(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	missing, size := 0, int64(0)
	for _, layer := range img.Layers {
		if !s.HasLayer(layer.DiffID.Hex) {
			missing, size = missing+1, size+layer.Size
		}
	}
	if missing > 0 {
		o.Log(fmt.Sprintf("Downloading and unpacking %s to %s", ref, s.Dir))
		bar := progress.New(os.Stderr).Start(label(img, missing), size)
		err = layers(ctx, s, img, bar, o.Log)
		bar.Finish(err == nil)
		if err != nil {
			return nil, err
		}
	}
	return record(ctx, s, img, o)
}

// label is what stands before the progress bar.
func label(img *image.Image, missing int) string {
	if len(img.Layers) == 1 {
		return pull.Label(img, 0)
	}
	return fmt.Sprintf("%d layers of %d", missing, len(img.Layers))
}

func layers(ctx context.Context, s *store.Store, img *image.Image, bar *progress.Bar, log func(string)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, layer := range img.Layers {
		waiting := func() { log(pull.Label(img, i) + ": another process is fetching it: waiting") }
		group.Go(func() error {
			err := s.AddLayer(ctx, layer.DiffID.Hex, waiting, func(tree string) (store.LayerInfo, error) {
				target, err := newTarget(s, tree)
				if err != nil {
					return store.LayerInfo{}, err
				}
				defer target.Close()
				size, err := pull.Apply(ctx, layer, target, bar)
				if err != nil {
					return store.LayerInfo{}, err
				}
				info, err := target.Info()
				info.Size = size
				return info, err
			})
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("image %s: %s: %w", img.Ref, pull.Label(img, i), err)
			}
			return err
		})
	}
	return group.Wait()
}

// record notes in the store what the image is, when all its layers are there.
func record(ctx context.Context, s *store.Store, img *image.Image, o image.Options) (*store.Image, error) {
	own := img.Config.Config
	recorded := &store.Image{
		Ref:        store.Canonical(img.Ref),
		Platform:   o.Platform.String(),
		Pulled:     time.Now().UTC(),
		Env:        own.Env,
		Entrypoint: own.Entrypoint,
		Cmd:        own.Cmd,
		WorkingDir: own.WorkingDir,
		User:       own.User,
	}
	for _, layer := range img.Layers {
		info, err := s.LayerInfo(layer.DiffID.Hex)
		if err != nil {
			return nil, err
		}
		recorded.Size += info.Size
	}
	var err error
	if recorded.Layers, err = withAttributes(ctx, s, img); err != nil {
		return nil, fmt.Errorf("image %s: %w", img.Ref, err)
	}
	return recorded, s.SetImage(recorded)
}
