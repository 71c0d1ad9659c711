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
	Ref    string        // as the user wrote it
	Config v1.ConfigFile // image-spec config.md
	Layers []Layer       // lowest first
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
}

// Options say which image of several, and where to ask first.
type Options struct {
	Platform v1.Platform
	// Mirror is a registry, HOST[:PORT], asked before Docker Hub for Docker Hub's
	// images. With http:// before it, it is spoken to without TLS.
	Mirror string
	// Log takes remarks for the user, a line each.
	Log func(string)
}

// Open finds the image that ref names:
//
//	alpine, ghcr.io/o/r:tag, localhost:5000/r@sha256:…    in a registry
//	oci:DIR[:TAG]                                         in an OCI image layout
//	docker-archive:FILE[:TAG]                             in a file from docker save
//	lab                                                   made of this machine's tools
//
// Cancelling ctx also ends reading the layers. An error has one line, or a
// second one that tells the user what to do.
func Open(ctx context.Context, ref string, o Options) (*Image, error) {
	transport, rest, _ := strings.Cut(ref, ":")
	var img *Image
	var err error
	switch {
	case ref == "lab":
		img, err = openLab()
	case transport == "oci":
		img, err = openLayout(rest, o.Platform)
	case transport == "docker-archive":
		img, err = openArchive(rest)
	default:
		img, err = openRegistry(ctx, ref, o)
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	img.Ref = ref
	have := configPlatform(img.Config)
	if have.OS != "" && have.Architecture != "" && !have.Satisfies(o.Platform) {
		return nil, fmt.Errorf("image %s: %w", ref, &noPlatform{o.Platform, []v1.Platform{have}})
	}
	return img, nil
}

// fromManifest turns an image known by its manifest into an Image. The digest
// is the one that the manifest was asked for by.
func fromManifest(m v1.Image, digest v1.Hash) (*Image, error) {
	raw, err := m.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", digest, err)
	}
	if err := verify("manifest", raw, digest); err != nil {
		return nil, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parse manifest %s: %w", digest, err)
	}
	raw, err = m.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", manifest.Config.Digest, err)
	}
	if err := verify("config", raw, manifest.Config.Digest); err != nil {
		return nil, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parse config %s: %w", manifest.Config.Digest, err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("manifest %s: has %d layers, its config %d diff IDs",
			digest, len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	img := &Image{Config: *config}
	for i, desc := range manifest.Layers {
		img.Layers = append(img.Layers, Layer{
			Digest: desc.Digest,
			DiffID: config.RootFS.DiffIDs[i],
			Size:   desc.Size,
			Open: func() (io.ReadCloser, error) {
				layer, err := m.LayerByDigest(desc.Digest)
				if err != nil {
					return nil, err
				}
				return layer.Compressed()
			},
		})
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
