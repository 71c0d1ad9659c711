package main

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// images serves the images of the benchmark from memory, on loopback and without
// TLS. It makes and pushes each when it is first asked for.
type images struct {
	server *httptest.Server
	host   string // HOST:PORT
	files  int    // how many files the large image has

	archive []byte // lab's layer, not compressed
	lab     layer
	one     []layer // of the large image
	twelve  []layer // of the same files in twelve layers
	pushed  map[string]bool
}

func newImages(files int) (*images, error) {
	archive, err := labArchive()
	if err != nil {
		return nil, err
	}
	lab, err := compress(archive)
	if err != nil {
		return nil, err
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	return &images{
		server: server, host: strings.TrimPrefix(server.URL, "http://"),
		files: files, archive: archive, lab: lab, pushed: map[string]bool{},
	}, nil
}

func (i *images) close() {
	i.server.CloseClientConnections()
	i.server.Close()
}

// push pushes layers under a name, once, and returns the reference.
func (i *images) push(repository string, layers ...layer) (string, error) {
	ref := i.host + "/bench/" + repository + ":latest"
	if i.pushed[ref] {
		return ref, nil
	}
	img, err := newImage(layers...)
	if err != nil {
		return "", err
	}
	target, err := name.ParseReference(ref)
	if err == nil {
		err = remote.Write(target, img)
	}
	if err != nil {
		return "", fmt.Errorf("push %s: %w", ref, err)
	}
	i.pushed[ref] = true
	return ref, nil
}

// small is the image lab.
func (i *images) small() (string, error) { return i.push("lab", i.lab) }

// numbered is one of many small images.
func (i *images) numbered(n int) (string, error) {
	own, err := smallLayer(n)
	if err != nil {
		return "", err
	}
	return i.push(fmt.Sprintf("small-%d", n), i.lab, own)
}

// large is lab's files, and the many files, in one layer.
func (i *images) large() (string, error) {
	if i.one == nil {
		whole, err := fileLayer(i.archive, 0, i.files)
		if err != nil {
			return "", err
		}
		i.one = []layer{whole}
	}
	return i.push("one-layer", i.one...)
}

// layered is the same in twelve layers.
func (i *images) layered() (string, error) {
	for n := len(i.twelve); n < 12; n++ {
		before := i.archive
		if n > 0 {
			before = nil
		}
		part, err := fileLayer(before, i.files*n/12, i.files*(n+1)/12)
		if err != nil {
			return "", err
		}
		i.twelve = append(i.twelve, part)
	}
	return i.push("twelve-layers", i.twelve...)
}

// sibling shares the lowest eleven layers with layered, and has other files in the
// twelfth.
func (i *images) sibling() (string, error) {
	if _, err := i.layered(); err != nil {
		return "", err
	}
	last, err := fileLayer(nil, i.files, i.files+i.files/12)
	if err != nil {
		return "", err
	}
	return i.push("sibling", append(i.twelve[:11:11], last)...)
}
