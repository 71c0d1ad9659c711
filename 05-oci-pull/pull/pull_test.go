package pull

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/progress"
)

// archive is a layer with one file, hello, and something after the end of the
// archive that unpacking does not read.
func archive(t *testing.T) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	content := strings.Repeat("hello ", 100_000)
	if err := w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, content)
	w.Close()
	b.WriteString("after the end")
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

func digest(t *testing.T, data []byte) v1.Hash {
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// layer describes a blob truthfully; tests then make it lie.
func layer(t *testing.T, blob, uncompressed []byte) image.Layer {
	return image.Layer{
		Digest: digest(t, blob),
		DiffID: digest(t, uncompressed),
		Size:   int64(len(blob)),
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil },
	}
}

func unpackLayer(t *testing.T, l image.Layer) (dir string, err error) {
	dir = t.TempDir()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	img := &image.Image{Ref: "test", Layers: []image.Layer{l}}
	return dir, Unpack(t.Context(), img, dir, t.TempDir(), progress.New(null))
}

func TestEveryCompressionIsUnpacked(t *testing.T) {
	plain := archive(t)
	for name, blob := range map[string][]byte{
		"plain":      plain,
		"gzip":       gzipped(t, plain),
		"zstd":       zstded(t, plain),
		"two frames": append(zstded(t, plain[:1000]), zstded(t, plain[1000:])...),
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := unpackLayer(t, layer(t, blob, plain))
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join(dir, "hello"))
			if err != nil || len(content) != 600_000 {
				t.Errorf("the layer's file has %d bytes, %v; want 600000", len(content), err)
			}
		})
	}
}

func TestBothDigestsAreCheckedToTheLastByte(t *testing.T) {
	plain := archive(t)
	changed := bytes.Clone(plain)
	changed[len(changed)-1]++ // long after the end of the archive
	blob := gzipped(t, plain)
	for name, test := range map[string]struct {
		layer image.Layer
		want  string
	}{
		"another blob":         {layer(t, gzipped(t, changed), plain), "diff ID is"},
		"another digest":       {func() image.Layer { l := layer(t, blob, plain); l.Digest = digest(t, plain); return l }(), "digest is"},
		"longer than it says":  {func() image.Layer { l := layer(t, blob, plain); l.Size--; return l }(), "longer than"},
		"shorter than it says": {func() image.Layer { l := layer(t, blob, plain); l.Size++; return l }(), "unexpected EOF"},
		"cut off":              {layer(t, blob[:len(blob)/2], plain), "unexpected EOF"},
		"not gzip inside":      {layer(t, append(bytes.Clone(blob[:20]), blob[40:]...), plain), ""},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			_, err := unpackLayer(t, test.layer)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("a layer that lies was unpacked: error %v, want one with %q", err, test.want)
			}
		}))
	}
}

// breaking is a blob whose connection breaks after n bytes.
type breaking struct {
	data []byte
	n    int
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.n == 0 && len(b.data) > 0 || b.data == nil {
		return 0, b.err
	}
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.data[:min(b.n, len(b.data))])
	b.data, b.n = b.data[n:], b.n-n
	return n, nil
}

func (b *breaking) Close() error { return nil }

// inBubble runs a test whose waiting takes no time.
func inBubble(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

// A blob must have as many bytes as the image says.
func TestABlobHasItsSize(t *testing.T) {
	plain := archive(t)
	blob := gzipped(t, plain)
	for what, given := range map[string][]byte{
		"shorter than":   blob[:len(blob)-1],
		"longer than":    append(blob[:len(blob):len(blob)], 0),
		"no bytes where": {},
	} {
		l := layer(t, blob, plain)
		l.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(given)), nil }
		if _, err := unpackLayer(t, l); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes", len(blob))) {
			t.Errorf("%s the image says: the error is %v, and should name the %d bytes", what, err, len(blob))
		}
	}
}

func TestReadAheadGivesTheSameBytesAndError(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), aheadChunk/3)
	failure := errors.New("failure")
	for _, want := range []error{nil, failure, io.ErrUnexpectedEOF} {
		src := io.Reader(bytes.NewReader(data))
		if want != nil {
			src = io.MultiReader(src, &breaking{err: want})
		}
		a := readAhead(t.Context(), src, io.Discard)
		got, err := io.ReadAll(a)
		a.Close()
		if !bytes.Equal(got, data) || err != want {
			t.Errorf("read %d bytes and %v, want %d and %v", len(got), err, len(data), want)
		}
	}
}

func TestReadAheadCanBeClosedEarly(t *testing.T) {
	a := readAhead(t.Context(), bytes.NewReader(make([]byte, 100*aheadChunk)), io.Discard)
	io.ReadFull(a, make([]byte, 10))
	a.Close() // must return
}
