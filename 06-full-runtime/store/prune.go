package store

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Pruned is what Prune has removed.
type Pruned struct {
	Images []*Image
	Layers int
	Bytes  int64 // of the layers' uncompressed archives
}

// Prune removes layers that no image and no running container uses, and whatever
// dead processes left; with all also the images that no running container uses. It
// waits until nobody is pulling.
func (s *Store) Prune(ctx context.Context, all bool, waiting func()) (Pruned, error) {
	var pruned Pruned
	held, err := takeLock(ctx, s.path("lock"), unix.LOCK_EX, waiting)
	if err != nil {
		return pruned, err
	}
	defer held.release()
	if err := s.sweep(); err != nil {
		return pruned, err
	}
	used, err := s.layersInUse()
	if err != nil {
		return pruned, err
	}
	files, err := s.images()
	if err != nil {
		return pruned, err
	}
	kept := maps.Clone(used)
	for file, img := range files {
		if img != nil && s.complete(img) && (!all || runs(img, used)) {
			for _, id := range img.Layers {
				kept[id] = true
			}
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return pruned, err
		}
		if img != nil {
			pruned.Images = append(pruned.Images, img)
		}
	}
	return pruned, s.pruneLayers(ctx, kept, &pruned)
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

func (s *Store) pruneLayers(ctx context.Context, used map[string]bool, pruned *Pruned) error {
	entries, err := os.ReadDir(s.path("layers"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		id, isLock := strings.CutSuffix(entry.Name(), ".lock")
		if isLock {
			// Nobody holds it, as we have the store for us.
			if err := os.Remove(s.path("layers", entry.Name())); err != nil {
				return err
			}
			continue
		}
		if used[id] {
			continue
		}
		info, _ := s.LayerInfo(id)
		// Under its own name it is complete, also while it is being removed.
		doomed := s.path("new", id)
		if err := errors.Join(s.removeTree(doomed), os.Rename(s.path("layers", id), doomed)); err != nil {
			return err
		}
		pruned.Layers++
		pruned.Bytes += info.Size
	}
	entries, err = os.ReadDir(s.path("new"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := s.removeTree(s.path("new", entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
