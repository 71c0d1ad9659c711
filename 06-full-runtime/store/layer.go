package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// LayerInfo is what the store remembers of a layer beside its files.
type LayerInfo struct {
	Size    int64    // of the uncompressed archive, in bytes
	LeftOut []string // what this layer and those below have, and the tree has not
}

// ChainIDs names each layer together with the layers below it, from the digests of
// the uncompressed archives (image-spec config.md, "Layer ChainID"). What a layer is
// as a directory depends on the layers below: a whiteout of a file that no layer has
// leaves nothing behind.
func ChainIDs(diffIDs []string) []string {
	var chain []string
	for i, id := range diffIDs {
		if i > 0 {
			sum := sha256.Sum256([]byte("sha256:" + chain[i-1] + " sha256:" + id))
			id = hex.EncodeToString(sum[:])
		}
		chain = append(chain, id)
	}
	return chain
}

// Layers and flat trees are in different directories: a flat tree shows the layers
// below too, so it must never be taken for a layer.
const (
	layered = "chains"
	flat    = "flat"
)

func formOf(isFlat bool) string {
	if isFlat {
		return flat
	}
	return layered
}

// Trees are the directories of an image's layers, lowest first.
func (s *Store) Trees(img *Image) []string {
	var trees []string
	for _, id := range img.Layers {
		trees = append(trees, s.Path(formOf(img.Flat), id, "tree"))
	}
	return trees
}

// layerInfo reads what is remembered of a layer. It is an error if the layer is not
// whole.
func (s *Store) layerInfo(form, id string) (info LayerInfo, err error) {
	content, err := os.ReadFile(s.Path(form, id, "layer.json"))
	if err == nil {
		err = json.Unmarshal(content, &info)
	}
	if err == nil {
		_, err = os.Stat(s.Path(form, id, "tree"))
	}
	return info, err
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

// LetIn lets the container's root reach what is in a directory of ours.
func (s *Store) LetIn(dir string) error {
	_, gid := s.Map.Root()
	if err := os.Lchown(dir, -1, gid); err != nil {
		return err
	}
	return os.Chmod(dir, 0o710)
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
