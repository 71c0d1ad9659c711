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
	entries, err := os.ReadDir(s.Path("layers"))
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
			if err := os.Remove(s.Path("layers", entry.Name())); err != nil {
				return err
			}
			continue
		}
		if used[id] {
			continue
		}
		info, _ := s.LayerInfo(id)
		// Under its own name it is complete, also while it is being removed.
		doomed := s.Path("new", id)
		if err := errors.Join(s.RemoveTree(doomed), os.Rename(s.Path("layers", id), doomed)); err != nil {
			return err
		}
		pruned.Layers++
		pruned.Bytes += info.Size
	}
	entries, err = os.ReadDir(s.Path("new"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := s.RemoveTree(s.Path("new", entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
