package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/04-chroot/labfs"
)

// openLab makes an image of lesson 4's root filesystem: one layer, written anew
// each time it is read, and a config that starts the shell.
func openLab() (*Image, error) {
	files, err := labfs.Plan()
	if err != nil {
		return nil, err
	}
	// A layer is known by its digest before it is unpacked, so it is written
	// twice: first only to be measured.
	hash := sha256.New()
	size, err := writeLayer(hash, files)
	if err != nil {
		return nil, err
	}
	diffID := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}
	return &Image{
		Config: Config{
			Platform: normalize(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}),
			Cmd:      []string{"/bin/sh"},
			Env:      []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
		Layers: []Layer{{
			DiffID: diffID,
			Size:   size,
			Open: func() (io.ReadCloser, error) {
				r, w := io.Pipe()
				go func() {
					_, err := writeLayer(w, files)
					w.CloseWithError(err)
				}()
				return r, nil
			},
		}},
	}, nil
}

// writeLayer writes files as a tar archive, everything owned by root and as old
// as the epoch, so that the same files always give the same digest.
func writeLayer(w io.Writer, files []labfs.File) (size int64, err error) {
	counter := &countingWriter{w: w}
	archive := tar.NewWriter(counter)
	for _, file := range files {
		if err := writeFile(archive, file); err != nil {
			return 0, fmt.Errorf("pack %s: %w", file.Path, err)
		}
	}
	err = archive.Close()
	return counter.n, err
}

func writeFile(archive *tar.Writer, file labfs.File) error {
	header := &tar.Header{
		Name:    strings.TrimPrefix(file.Path, "/"),
		Mode:    int64(file.Mode.Perm()),
		ModTime: time.Unix(0, 0),
		Format:  tar.FormatPAX,
	}
	if file.Mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	switch file.Mode.Type() {
	case fs.ModeDir:
		header.Typeflag = tar.TypeDir
		header.Name += "/"
	case fs.ModeSymlink:
		header.Typeflag = tar.TypeSymlink
		header.Linkname = file.Target
	case fs.ModeDevice | fs.ModeCharDevice:
		header.Typeflag = tar.TypeChar
		header.Devmajor, header.Devminor = int64(file.Major), int64(file.Minor)
	case 0:
		return writeRegular(archive, header, file)
	default:
		return fmt.Errorf("cannot pack a file of type %s", file.Mode.Type())
	}
	return archive.WriteHeader(header)
}

func writeRegular(archive *tar.Writer, header *tar.Header, file labfs.File) error {
	header.Typeflag = tar.TypeReg
	header.Size = int64(len(file.Content))
	if file.Source == "" {
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := archive.Write(file.Content)
		return err
	}
	source, err := os.Open(file.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	header.Size = info.Size()
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, source)
	return err
}

// countingWriter counts what passes through it.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
