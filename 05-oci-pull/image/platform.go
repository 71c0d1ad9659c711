package image

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// noPlatform is the error of an image that is not there for the wanted platform.
type noPlatform struct {
	want v1.Platform
	have []v1.Platform
}

func (e *noPlatform) Error() string {
	var names []string
	for _, p := range e.have {
		// Build attestations are listed as images for unknown/unknown.
		if p.OS != "unknown" && !slices.Contains(names, p.String()) {
			names = append(names, p.String())
		}
	}
	return fmt.Sprintf("is not for %s but for %s\nchoose another one with --platform", e.want, strings.Join(names, ", "))
}

func configPlatform(c v1.ConfigFile) v1.Platform {
	return v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}
}

// fromIndex picks the platform's image out of a multi-platform index. An index
// may hold indexes in turn.
func fromIndex(index v1.ImageIndex, digest v1.Hash, want v1.Platform) (*Image, error) {
	raw, err := index.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("read index %s: %w", digest, err)
	}
	if err := verify("index", raw, digest); err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("parse index %s: %w", digest, err)
	}
	missing := &noPlatform{want: want}
	for _, desc := range manifest.Manifests {
		if desc.Platform != nil && !desc.Platform.Satisfies(want) {
			missing.have = append(missing.have, *desc.Platform)
			continue
		}
		img, err := fromDescriptor(index, desc, want)
		if inner := new(noPlatform); errors.As(err, &inner) {
			missing.have = append(missing.have, inner.have...)
			continue
		}
		return img, err
	}
	return nil, missing
}

// fromDescriptor opens what an index lists, an image or an index.
func fromDescriptor(index v1.ImageIndex, desc v1.Descriptor, want v1.Platform) (*Image, error) {
	switch {
	case desc.MediaType.IsIndex():
		child, err := index.ImageIndex(desc.Digest)
		if err != nil {
			return nil, fmt.Errorf("read index %s: %w", desc.Digest, err)
		}
		return fromIndex(child, desc.Digest, want)
	case desc.MediaType.IsImage():
		child, err := index.Image(desc.Digest)
		if err != nil {
			return nil, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
		}
		return fromManifest(child, desc.Digest)
	}
	return nil, fmt.Errorf("%s: not an image but %s", desc.Digest, desc.MediaType)
}
