package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"example.com/container-go/05-oci-pull/image"
)

// seed makes the files the same in every run.
const seed = 2026

// writer writes entries to a layer's archive.
type writer struct {
	buffer  bytes.Buffer
	archive *tar.Writer
}

func newWriter() *writer {
	w := &writer{}
	w.archive = tar.NewWriter(&w.buffer)
	return w
}

func (w *writer) add(name string, kind byte, content []byte) error {
	header := &tar.Header{Name: name, Typeflag: kind, Mode: 0o755, Size: int64(len(content)), ModTime: time.Unix(1_000_000_000, 0)}
	if err := w.archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.archive.Write(content)
	return err
}

// layer compresses the archive as registries keep most layers.
func (w *writer) layer() (layer, error) {
	if err := w.archive.Close(); err != nil {
		return layer{}, err
	}
	return compress(w.buffer.Bytes())
}

// layer is a v1.Layer whose diff ID is known.
type layer struct {
	v1.Layer
	blob   []byte
	size   int // of the archive before compression
	diffID v1.Hash
}

func (l layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

func compress(plain []byte) (layer, error) {
	diffID, _, err := v1.SHA256(bytes.NewReader(plain))
	if err != nil {
		return layer{}, err
	}
	var blob bytes.Buffer
	w := gzip.NewWriter(&blob)
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	return layer{static.NewLayer(blob.Bytes(), types.OCILayer), blob.Bytes(), len(plain), diffID}, err
}

// labArchive is the one layer of the image lab, not compressed.
func labArchive() ([]byte, error) {
	lab, err := image.Open(context.Background(), "lab", image.Options{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err != nil {
		return nil, err
	}
	archive, err := lab.Layers[0].Open()
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	return io.ReadAll(archive)
}

// addAll adds the entries of another archive.
func (w *writer) addAll(archive []byte) error {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = w.archive.WriteHeader(header)
		}
		if err == nil {
			_, err = io.Copy(w.archive, r)
		}
		if err != nil {
			return err
		}
	}
}

// addFiles adds the files with the numbers from first to last, without last.
func (w *writer) addFiles(words *vocabulary, first, last int) error {
	for n := first; n < last; n++ {
		if n%100 == 0 || n == first {
			if err := w.add(fmt.Sprintf("srv/%03d/", n/100), tar.TypeDir, nil); err != nil {
				return err
			}
		}
		if err := w.add(fmt.Sprintf("srv/%03d/%05d", n/100, n), tar.TypeReg, words.file(n)); err != nil {
			return err
		}
	}
	return nil
}

// fileLayer is a layer of files, and of another archive's entries before them.
func fileLayer(before []byte, first, last int) (layer, error) {
	w := newWriter()
	if err := w.addAll(before); err != nil {
		return layer{}, err
	}
	if err := w.addFiles(newVocabulary(), first, last); err != nil {
		return layer{}, err
	}
	return w.layer()
}

// smallLayer is a layer of one file that no other layer has.
func smallLayer(n int) (layer, error) {
	w := newWriter()
	if err := w.add("number", tar.TypeReg, fmt.Appendf(nil, "%d\n", n)); err != nil {
		return layer{}, err
	}
	return w.layer()
}

// vocabulary makes contents of words, which gzip makes about as much smaller as it
// does a distribution's programs and texts.
type vocabulary struct{ words [4096]string }

func newVocabulary() *vocabulary {
	v := &vocabulary{}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range v.words {
		word := make([]byte, 2+random.IntN(9))
		for j := range word {
			word[j] = byte('a' + random.IntN(26))
		}
		v.words[i] = string(word) + " "
	}
	return v
}

// file is the content of file number n: 19 KB on average, from one to some 170 KB.
func (v *vocabulary) file(n int) []byte {
	random := rand.New(rand.NewPCG(seed, uint64(n)+1))
	size := 1000 + int(17_900*random.ExpFloat64())
	content := make([]byte, 0, size+16)
	for len(content) < size {
		// Low numbers are common, as some words are in any text.
		content = append(content, v.words[random.IntN(1+random.IntN(len(v.words)))]...)
	}
	return content
}

// newImage is an image of layers that runs a shell.
func newImage(layers ...layer) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(base, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH,
		Config: v1.Config{Cmd: []string{"/bin/sh"}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}})
	for _, l := range layers {
		if err == nil {
			img, err = mutate.Append(img, mutate.Addendum{Layer: l, MediaType: types.OCILayer})
		}
	}
	return img, err
}
