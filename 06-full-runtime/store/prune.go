package store

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"

	"golang.org/x/sys/unix"
)

// Pruned is what Prune has removed.
type Pruned struct {
	Images []*Image
	Layers int
	Bytes  int64 // of the layers' uncompressed archives
}

// Prune removes layers that no image and no running container uses, and what dead
// pulls left; with all also the images that no running container uses. It waits
// until no process is pulling, and then asks inUse for the layers of the containers
// that run.
func (s *Store) Prune(ctx context.Context, all bool, inUse func() (map[string]bool, error), waiting func()) (Pruned, error) {
	var pruned Pruned
	held, err := takeLock(ctx, s.Path("lock"), unix.LOCK_EX, waiting)
	if err != nil {
		return pruned, err
	}
	defer held.Release()
	used, err := inUse()
	if err != nil {
		return pruned, err
	}
	files, err := s.images()
	kept := maps.Clone(used)
	for file, img := range files {
		if img != nil && s.complete(img) && (!all || runs(img, used)) {
			for _, id := range img.Layers {
				kept[id] = true
			}
			continue
		}
		removeErr := os.RemoveAll(file)
		if removeErr == nil && img != nil {
			pruned.Images = append(pruned.Images, img)
		}
		err = errors.Join(err, removeErr)
	}
	return pruned, errors.Join(err, s.pruneLayers(ctx, kept, &pruned))
}

// runs reports whether a container may be one of an image's: all layers are in use.
func runs(img *Image, used map[string]bool) bool {
	for _, id := range img.Layers {
		if !used[id] {
			return false
		}
	}
	return len(img.Layers) > 0
}

// oldLayered and oldImages are what earlier versions called chains and refs.
const (
	oldLayered = "layers"
	oldImages  = "images"
)

// pruneLayers goes on if it cannot remove one of them.
func (s *Store) pruneLayers(ctx context.Context, used map[string]bool, pruned *Pruned) error {
	failed := os.MkdirAll(s.Path("new"), 0o700)
	for _, form := range []string{layered, flat, oldLayered} {
		entries, err := os.ReadDir(s.Path(form))
		if !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		for _, entry := range entries {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if id := entry.Name(); entry.IsDir() && !used[id] {
				failed = errors.Join(failed, s.pruneLayer(form, id, pruned))
			}
		}
	}
	// No process holds a lock here, as we have the store for us.
	for _, name := range []string{"new", "locks", oldLayered} {
		entries, _ := os.ReadDir(s.Path(name))
		for _, entry := range entries {
			if name != oldLayered || !entry.IsDir() {
				failed = errors.Join(failed, s.RemoveTree(s.Path(name, entry.Name())))
			}
		}
	}
	_ = os.Remove(s.Path(oldLayered)) // unless containers use some of them
	return errors.Join(failed, s.RemoveTree(s.Path(oldImages)))
}

// pruneLayer takes a layer's name away first: under it the layer is whole, even while
// it is being removed.
func (s *Store) pruneLayer(form, id string, pruned *Pruned) error {
	info, _ := s.layerInfo(form, id)
	doomed := s.Path("new", id)
	err := errors.Join(s.RemoveTree(doomed), os.Rename(s.Path(form, id), doomed))
	if err == nil {
		pruned.Layers++
		pruned.Bytes += info.Size
		err = s.RemoveTree(doomed)
	}
	return err
}
