package fetch

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/06-full-runtime/store"
)

// withAttributes lists an image's layers for overlayfs, lowest first. overlayfs
// shows a directory with the attributes that it has in its highest layer. A layer
// that has only files in a directory says nothing of that, and unpacked alone it has
// made up some. Where others are right, those of a layer below, another layer comes
// on top of it that has nothing but such directories.
func withAttributes(ctx context.Context, s *store.Store, img *image.Image) ([]string, error) {
	var ids []string
	var below []unpack.Directories
	for _, layer := range img.Layers {
		id := layer.DiffID.Hex
		info, err := s.LayerInfo(id)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		if right := inherited(info.Directories, below); len(right) > 0 {
			if id, err = addDirectories(ctx, s, right); err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		below = append(below, info.Directories)
	}
	if len(ids) == 0 { // an image of nothing, to which volumes bring the program
		id, err := addDirectories(ctx, s, map[string]unpack.Directory{"/": unpack.MadeUp})
		return []string{id}, err
	}
	return lastOfEach(ids), nil
}

// lastOfEach leaves out layers that come again further up: overlayfs refuses them,
// and all they do, the upper one does over what is in between.
func lastOfEach(ids []string) []string {
	var last []string
	for i, id := range ids {
		if !slices.Contains(ids[i+1:], id) {
			last = append(last, id)
		}
	}
	return last
}

// inherited are the directories of a layer that have other attributes than made up
// ones, given the layers below, and the directories above them.
func inherited(layer unpack.Directories, below []unpack.Directories) map[string]unpack.Directory {
	right := map[string]unpack.Directory{}
	all := append(slices.Clone(below), layer)
	for _, name := range layer.Silent {
		d, madeUp := unpack.AttributesOf(name, all...), unpack.MadeUp
		if d.Mode == madeUp.Mode && d.UID == madeUp.UID && d.GID == madeUp.GID {
			continue
		}
		for ; right[name] == (unpack.Directory{}); name = path.Dir(name) {
			right[name] = unpack.AttributesOf(name, all...)
			if name == "/" {
				break
			}
		}
	}
	return right
}

// addDirectories makes a layer of directories alone, which is made like any other.
func addDirectories(ctx context.Context, s *store.Store, directories map[string]unpack.Directory) (id string, err error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	names := make([]string, 0, len(directories))
	for name := range directories {
		names = append(names, name)
	}
	slices.Sort(names) // those above first
	for _, name := range names {
		d := directories[name]
		err := w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeDir, Name: "." + strings.TrimSuffix(name, "/") + "/",
			Mode: int64(d.Mode), Uid: d.UID, Gid: d.GID, ModTime: d.ModTime, Format: tar.FormatPAX,
		})
		if err != nil {
			return "", fmt.Errorf("directory %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(archive.Bytes())
	id = hex.EncodeToString(sum[:])
	return id, s.AddLayer(ctx, id, nil, func(tree string) (store.LayerInfo, error) {
		target, err := newTarget(s, tree)
		if err != nil {
			return store.LayerInfo{}, err
		}
		defer target.Close()
		if err := target.Apply(ctx, bytes.NewReader(archive.Bytes())); err != nil {
			return store.LayerInfo{}, err
		}
		return target.Info()
	})
}
