package image

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// A layout is an OCI image layout: index.json, and blobs that are named by their
// digests (image-spec image-layout.md). open opens a file in it.
type layout struct {
	where string
	open  func(name string) (io.ReadCloser, error)
}

func (l *layout) blob(h v1.Hash, _ int64) (io.ReadCloser, error) {
	return l.open("blobs/" + h.Algorithm + "/" + h.Hex)
}

func (l *layout) document(h v1.Hash) (io.ReadCloser, types.MediaType, error) {
	r, err := l.blob(h, 0)
	return r, "", err
}

// openLayout opens DIR[:TAG]. The tag may be left out where the layout holds one
// image for the platform.
func openLayout(dirTag string, want v1.Platform) (*Image, error) {
	dir, tag := splitTag(dirTag, "index.json")
	l := &layout{dir, func(name string) (io.ReadCloser, error) { return openRegular(filepath.Join(dir, name)) }}
	return l.image(tag, want)
}

// image finds an image in the layout by its tag.
func (l *layout) image(tag string, want v1.Platform) (*Image, error) {
	r, err := l.open("index.json")
	if err != nil {
		return nil, fmt.Errorf("%w\nan OCI image layout has index.json and blobs in it", err)
	}
	defer r.Close()
	raw, err := readDocument(r)
	if err != nil {
		return nil, fmt.Errorf("read %s/index.json: %w", l.where, err)
	}
	index, err := parseDocument(raw)
	if err == nil && !index.isIndex {
		err = errors.New("is a manifest, not an index")
	}
	if err != nil {
		return nil, fmt.Errorf("parse %s/index.json: %w", l.where, err)
	}
	c := newChooser(l, want)
	if tag == "" {
		return c.choose(index.manifests, l.where)
	}
	found, names, err := c.tagged(index.manifests, tag)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noTag(l.where, tag, names)
	}
	c.looked = map[v1.Hash]bool{}
	return c.choose(found, l.where)
}

// tagged finds the descriptors with a tag, also in the indexes that an index lists, and
// the names of all.
func (c *chooser) tagged(all []descriptor, tag string) (found []descriptor, names []string, err error) {
	for _, desc := range all {
		full, short := desc.Annotations.Name, desc.Annotations.Tag
		if sameTag(full, tag) || sameTag(short, tag) {
			found = append(found, desc)
		}
		for _, name := range []string{full, short} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
				break
			}
		}
	}
	if len(found) > 0 {
		return found, names, nil
	}
	for _, desc := range all {
		if !desc.MediaType.IsIndex() || c.looked[desc.Digest.Hash] {
			continue
		}
		inner, err := c.read(desc)
		if err != nil {
			return nil, nil, err
		}
		more, moreNames, err := c.tagged(inner.manifests, tag)
		if err != nil {
			return nil, nil, err
		}
		found, names = append(found, more...), append(names, moreNames...)
	}
	return found, names, nil
}

// openRegular opens a file of a layout that a stranger may have made: a FIFO would
// make us wait for ever.
func openRegular(path string) (io.ReadCloser, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("open %s: not a regular file", path)
	}
	return f, nil
}
