package tests

import (
	"archive/tar"
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// entry is one entry of a layer. Its zero Typeflag is a regular file.
type entry struct {
	tar.Header
	content string
}

func file(name, content string) entry {
	return entry{tar.Header{Name: name, Mode: 0o644}, content}
}

func directory(name string) entry {
	return entry{tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeDir}, ""}
}

// layerTar is an uncompressed layer.
func layerTar(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.content))
		e.ModTime = time.Unix(1_000_000_000, 0)
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Write(data); err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

func digestOf(t *testing.T, data []byte) v1.Hash {
	t.Helper()
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// blobLayer is a layer with a blob and a diff ID of the test's choice, which need
// not belong together.
type blobLayer struct {
	v1.Layer
	diffID v1.Hash
}

func (l blobLayer) DiffID() (v1.Hash, error) { return l.diffID, nil }

func newLayer(t *testing.T, blob []byte, media types.MediaType, uncompressed []byte) v1.Layer {
	t.Helper()
	return blobLayer{static.NewLayer(blob, media), digestOf(t, uncompressed)}
}

// gzipLayer is a layer like most.
func gzipLayer(t *testing.T, entries ...entry) v1.Layer {
	t.Helper()
	plain := layerTar(t, entries...)
	return newLayer(t, gzipped(t, plain, gzip.DefaultCompression), types.OCILayer, plain)
}

// newImage is an image for this machine's architecture, or another.
func newImage(t *testing.T, arch string, layers ...v1.Layer) v1.Image {
	t.Helper()
	if arch == "" {
		arch = runtime.GOARCH
	}
	img, err := mutate.ConfigFile(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1),
		&v1.ConfigFile{OS: "linux", Architecture: arch})
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		media, err := layer.MediaType()
		if err == nil {
			img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: media})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// helloImage has one file, hello.
func helloImage(t *testing.T) v1.Image {
	t.Helper()
	return newImage(t, "", gzipLayer(t, directory("./"), file("hello", "hello\n")))
}
