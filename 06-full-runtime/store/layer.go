package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/unpack"
)

// LayerInfo is what is remembered of a layer beside its files.
type LayerInfo struct {
	Size int64 // of the uncompressed archive, in bytes
	unpack.Directories
}

// HasLayer reports whether a layer is in the store.
func (s *Store) HasLayer(id string) bool {
	_, err := os.Stat(s.Path("layers", id, "layer.json"))
	return err == nil
}

// layerTree is the directory that overlayfs takes a layer from.
func (s *Store) layerTree(id string) string { return s.Path("layers", id, "tree") }

// Trees are the directories of an image's layers, lowest first.
func (s *Store) Trees(img *Image) []string {
	var trees []string
	for _, id := range img.Layers {
		trees = append(trees, s.layerTree(id))
	}
	return trees
}

// LayerInfo tells what is remembered of a layer.
func (s *Store) LayerInfo(id string) (LayerInfo, error) {
	var info LayerInfo
	path := s.Path("layers", id, "layer.json")
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &info)
	}
	if err != nil {
		return info, fmt.Errorf("store: layer %s: %w", path, err)
	}
	return info, nil
}

// AddLayer has fill make a layer's tree in the empty directory it is given, unless
// the store has the layer. Of several processes that want it one does the work, and
// the others wait.
func (s *Store) AddLayer(ctx context.Context, id string, waiting func(), fill func(tree string) (LayerInfo, error)) error {
	if s.HasLayer(id) {
		return nil
	}
	held, err := takeLock(ctx, s.Path("layers", id+".lock"), unix.LOCK_EX, waiting)
	if err != nil {
		return err
	}
	defer held.Release()
	if s.HasLayer(id) {
		return nil
	}
	// We have the lock: what is there was left by somebody dead.
	dir := s.Path("new", id)
	if err := s.RemoveTree(dir); err != nil {
		return err
	}
	if err := s.fillLayer(dir, fill); err != nil {
		return errors.Join(err, s.RemoveTree(dir))
	}
	// What is in its place, if anything, somebody has damaged.
	if err := errors.Join(s.RemoveTree(s.Path("layers", id)), os.Rename(dir, s.Path("layers", id))); err != nil {
		return errors.Join(err, s.RemoveTree(dir))
	}
	return nil
}

func (s *Store) fillLayer(dir string, fill func(tree string) (LayerInfo, error)) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	tree := dir + "/tree"
	if err := s.MakeTop(tree); err != nil {
		return err
	}
	info, err := fill(tree)
	if err != nil {
		return err
	}
	content, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/layer.json", content, 0o600); err != nil {
		return err
	}
	// A layer that has its name is complete, also after a power failure.
	return syncFilesystem(dir)
}

// MakeTop makes a directory that is the container's root's.
func (s *Store) MakeTop(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask is
		return err
	}
	uid, gid := s.Map.Root()
	return os.Lchown(dir, uid, gid)
}

func syncFilesystem(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Syncfs(int(file.Fd())); err != nil {
		return fmt.Errorf("syncfs %s: %w", dir, err)
	}
	return nil
}
