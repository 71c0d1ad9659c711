package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// openArchive opens FILE[:TAG], a tar archive as docker save writes it: a
// manifest.json that lists images, each with its config and its layers as
// entries of the same archive. The tag may be left out where there is one image.
func openArchive(fileTag string) (*Image, error) {
	file, tag := splitTag(fileTag, "")
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w\nmake an archive with `docker save -o FILE IMAGE`", file, err)
	}
	var tags []string
	var found []tarball.Descriptor
	for _, desc := range manifest {
		tags = append(tags, desc.RepoTags...)
		if tag == "" || slices.Contains(desc.RepoTags, tag) {
			found = append(found, desc)
		}
	}
	if len(found) != 1 {
		return nil, whichTag(file, tag, tags)
	}

	blob, _, err := openEntry(file, found[0].Config)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	raw, err := io.ReadAll(blob)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", found[0].Config, file, err)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parse %s in %s: %w", found[0].Config, file, err)
	}
	if len(found[0].Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("%s: has %d layers, its config %d diff IDs",
			file, len(found[0].Layers), len(config.RootFS.DiffIDs))
	}
	img := &Image{Config: *config}
	for i, name := range found[0].Layers {
		blob, size, err := openEntry(file, name)
		if err != nil {
			return nil, err
		}
		blob.Close()
		img.Layers = append(img.Layers, Layer{
			DiffID: config.RootFS.DiffIDs[i],
			Size:   size,
			Open: func() (io.ReadCloser, error) {
				blob, _, err := openEntry(file, name)
				return blob, err
			},
		})
	}
	return img, nil
}

// openEntry opens one file of a tar archive, and tells its size. Some versions
// of docker save write a layer once and symlinks to it.
func openEntry(file, name string) (io.ReadCloser, int64, error) {
	for range 2 {
		f, err := os.Open(file)
		if err != nil {
			return nil, 0, err
		}
		archive := tar.NewReader(f)
		header, err := findEntry(archive, name)
		if err != nil {
			f.Close()
			return nil, 0, fmt.Errorf("find %s in %s: %w", name, file, err)
		}
		if header.Typeflag != tar.TypeSymlink {
			return struct {
				io.Reader
				io.Closer
			}{archive, f}, header.Size, nil
		}
		f.Close()
		name = path.Join(path.Dir(name), header.Linkname)
	}
	return nil, 0, fmt.Errorf("find %s in %s: a symlink to a symlink", name, file)
}

func findEntry(archive *tar.Reader, name string) (*tar.Header, error) {
	for {
		header, err := archive.Next()
		if err == io.EOF {
			err = os.ErrNotExist
		}
		if err != nil || path.Clean(header.Name) == path.Clean(name) {
			return header, err
		}
	}
}
