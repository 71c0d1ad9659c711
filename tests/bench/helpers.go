package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/klauspost/compress/gzip"
)

// helpers are measured programs that are too small for a package each. The benchmark
// starts itself again with one of their names as the first argument.
var helpers = map[string]func(args []string) error{
	"export": export,
	"gunzip": gunzip,
}

// export writes an image's files to stdout as one archive, as `crane export` does.
func export(args []string) error {
	found, err := crane.Get(args[0])
	if err != nil {
		return err
	}
	img, err := found.Image()
	if err != nil {
		return err
	}
	return crane.Export(img, os.Stdout)
}

// gunzip decompresses files and throws the result away.
func gunzip(paths []string) error {
	for _, path := range paths {
		if err := gunzipFile(path); err != nil {
			return fmt.Errorf("gunzip %s: %w", path, err)
		}
	}
	return nil
}

func gunzipFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := gzip.NewReader(bufio.NewReaderSize(file, 64<<10)) // as lesson 5 does
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}
