// Package image finds container images and opens them: in a registry, in an
// OCI image layout, in an archive made by docker save, or made on the spot.
//
// Whatever the transport, an image is a config, which says how to run it, and a
// list of layers, tar archives to be unpacked one over the other. What is small
// (index, manifest, config) is read and checked against its digest here; layers
// are only opened, and their reader checks them (package pull).
package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is an image that was found but whose layers were not fetched yet.
type Image struct {
	Ref     string // as the user wrote it
	Config  Config
	Layers  []Layer // lowest first
	MaxSize int64   // in bytes, of all layers together when unpacked

	digest v1.Hash // of the manifest, where there is one
	close  func() error
}

// Close gives up what Open holds open to read layers from.
func (i *Image) Close() error {
	if i.close == nil {
		return nil
	}
	return i.close()
}

// Layer is one layer of an image, perhaps compressed.
type Layer struct {
	// Digest is that of the blob as it is stored. It is zero where the transport
	// names blobs by other means (docker-archive, lab).
	Digest v1.Hash
	// DiffID is the digest of the layer's uncompressed tar archive.
	DiffID v1.Hash
	// Size of the blob in bytes.
	Size int64
	// Open starts reading the blob. Nothing about what it gives is checked.
	Open func() (io.ReadCloser, error)
	// Remote is set where reading means waiting for a network.
	Remote bool
	// Budget is that of the image.
	Budget *Budget
}

// Options say which image of several, and where to ask first.
type Options struct {
	Platform v1.Platform
	// Mirror is a registry, HOST[:PORT], asked before Docker Hub for Docker Hub's
	// images. With http:// before it, it is spoken to without TLS.
	Mirror string
	// MaxSize bounds the layers, in bytes when unpacked; 0 is DefaultMaxSize.
	MaxSize int64
	// Log takes remarks for the user, a line each.
	Log func(string)
}

// DefaultMaxSize is more than the largest images in common use have, and less than a
// megabyte of a compression bomb can become.
const DefaultMaxSize = 64 << 30

func (o Options) maxSize() int64 {
	if o.MaxSize == 0 {
		return DefaultMaxSize
	}
	return o.MaxSize
}

// tooLarge is the error of what is larger than Options allow.
func tooLarge(most int64) error {
	return fmt.Errorf("has more than %d bytes when uncompressed: if you trust it, allow more with --max-size", most)
}

// Open finds the image that ref names:
//
//	alpine, ghcr.io/o/r:tag, localhost:5000/r@sha256:…    in a registry
//	oci:DIR[:TAG]                                         in an OCI image layout
//	oci-archive:FILE[:TAG]                                in a tar archive of one
//	docker-archive:FILE[:TAG]                             in a file from docker save
//	lab                                                   made of this machine's tools
//
// Cancelling ctx also ends reading the layers. An error has one line, or a
// second one that tells the user what to do.
func Open(ctx context.Context, ref string, o Options) (*Image, error) {
	transport, rest, _ := strings.Cut(ref, ":")
	var img *Image
	var err error
	remote := false
	switch {
	case ref == "lab":
		img, err = openLab()
	case transport == "oci":
		img, err = openLayout(rest, o.Platform)
	case transport == "docker-archive", transport == "oci-archive":
		img, err = openFromArchive(ctx, rest, o, transport == "oci-archive")
	default:
		remote = true
		img, err = openRegistry(ctx, ref, o)
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	img.Ref, img.MaxSize = ref, o.maxSize()
	budget := &Budget{most: img.MaxSize}
	for i := range img.Layers {
		img.Layers[i].Budget, img.Layers[i].Remote = budget, remote
	}
	if have := img.Config.Platform; have.OS+have.Architecture != "" && fit(have, o.Platform) < 0 {
		img.Close()
		return nil, fmt.Errorf("image %s: %w", ref, &noPlatform{o.Platform, []v1.Platform{have}})
	}
	return img, nil
}

// verify checks content that is small enough to be held in memory.
func verify(what string, content []byte, want v1.Hash) error {
	got, _, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s %s: content has digest %s", what, want, got)
	}
	return nil
}
