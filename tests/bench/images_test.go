package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// Two runs of the benchmark must measure the same bytes, and their size must be that
// of the image that the issue names: 19 KB a file, about a third when compressed.
func TestFileLayer(t *testing.T) {
	const files = 250
	before := newWriter()
	if err := before.add("bin/true", tar.TypeReg, []byte("#!")); err != nil {
		t.Fatal(err)
	}
	if err := before.archive.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := fileLayer(before.buffer.Bytes(), 100, 100+files)
	if err != nil {
		t.Fatal(err)
	}
	second, err := fileLayer(before.buffer.Bytes(), 100, 100+files)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.blob, second.blob) || first.diffID != second.diffID {
		t.Error("two layers of the same files differ")
	}
	r, err := gzip.NewReader(bytes.NewReader(first.blob))
	if err != nil {
		t.Fatal(err)
	}
	var count, size int64
	var names []string
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.Typeflag == tar.TypeReg && header.Name != "bin/true" {
			count++
			size += header.Size
		}
	}
	if names[0] != "bin/true" || names[1] != "srv/001/" || names[2] != "srv/001/00100" {
		t.Errorf("the first entries are %v", names[:3])
	}
	if mean := size / files; count != files || mean < 15_000 || mean > 23_000 {
		t.Errorf("%d files of %d bytes on average; want %d of about 19,000", count, mean, files)
	}
	if ratio := float64(len(first.blob)) / float64(size); ratio < 0.28 || ratio > 0.45 {
		t.Errorf("compressed to %.2f of its size, want about a third", ratio)
	}
}
