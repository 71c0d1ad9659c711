package tests

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// An item is an entry of a layer with a time and attributes of its own.
type item struct {
	tar.Header
	body string
}

func itemOf(kind byte, name string) item {
	return item{Header: tar.Header{
		Typeflag: kind, Name: name, Mode: 0o755, ModTime: time.Unix(1234567890, 123456789), Format: tar.FormatPAX,
	}}
}

func dirAt(name string) item  { return itemOf(tar.TypeDir, name+"/") }
func fifoAt(name string) item { return itemOf(tar.TypeFifo, name) }
func hide(name string) item   { return fileAt(name, "") }

func fileAt(name, body string) item {
	i := itemOf(tar.TypeReg, name)
	i.Mode, i.body, i.Size = 0o644, body, int64(len(body))
	return i
}

func symlinkAt(name, target string) item {
	i := itemOf(tar.TypeSymlink, name)
	i.Linkname = target
	return i
}

func linkAt(name, target string) item {
	i := itemOf(tar.TypeLink, name)
	i.Linkname = target
	return i
}

func deviceAt(name string, major, minor int64) item {
	i := itemOf(tar.TypeChar, name)
	i.Devmajor, i.Devminor = major, minor
	return i
}

// blockAt is a device that is no whiteout to overlayfs, though its number is 0/0.
func blockAt(name string) item {
	i := itemOf(tar.TypeBlock, name)
	return i
}

func (i item) mode(mode int64) item { i.Mode = mode; return i }
func (i item) at(sec int64) item    { i.ModTime = time.Unix(sec, 0); return i }
func (i item) owner(u, g int) item  { i.Uid, i.Gid = u, g; return i }

func (i item) xattr(name, value string) item {
	records := map[string]string{"SCHILY.xattr." + name: value}
	for key, value := range i.PAXRecords {
		records[key] = value
	}
	i.PAXRecords = records
	return i
}

// under moves an item into a directory, with what it links to.
func (i item) under(dir string) item {
	i.Name = dir + "/" + strings.TrimPrefix(i.Name, "/")
	if i.Typeflag == tar.TypeLink {
		i.Linkname = dir + "/" + i.Linkname
	}
	return i
}

// itemLayer is a layer of items.
func itemLayer(t *testing.T, items ...item) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		if err := w.WriteHeader(&i.Header); err != nil {
			t.Fatalf("make a layer: %v", err)
		}
		if _, err := io.WriteString(w, i.body); err != nil {
			t.Fatalf("make a layer: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("make a layer: %v", err)
	}
	return newLayer(t, gzipped(t, b.Bytes(), gzip.BestSpeed), types.OCILayer, b.Bytes())
}
