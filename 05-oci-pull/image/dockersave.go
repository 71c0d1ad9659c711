package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/printable"
)

// saved is an image in the manifest.json of a docker save archive: its config and its
// layers are entries of the same archive.
type saved struct {
	Config   string
	RepoTags list[string]
	Layers   list[string]
}

// openFromArchive opens FILE[:TAG], an archive as docker save writes it, or one of an
// OCI image layout. Newer versions of docker save write both in one.
func openFromArchive(ctx context.Context, fileTag string, o Options, layoutFirst bool) (*Image, error) {
	file, tag := splitTag(fileTag, "")
	a, err := openArchive(ctx, file, o)
	if err != nil {
		return nil, err
	}
	isSave, isLayout := a.has("manifest.json"), a.has("index.json")
	var img *Image
	switch {
	case isLayout && (layoutFirst || !isSave):
		img, err = (&layout{file, a.open}).image(tag, o.Platform)
	case isSave:
		img, err = a.saved(tag, o.Platform)
	case len(a.entries) == 0:
		err = fmt.Errorf("%s is empty, or not an archive\nmake one with `docker save -o FILE IMAGE`", a.name)
	default:
		err = fmt.Errorf("%s has neither manifest.json nor index.json in it\nmake an archive with `docker save -o FILE IMAGE`", a.name)
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	img.close = a.Close
	return img, nil
}

// saved finds an image by its tag, which may be left out where there is one image for
// the platform.
func (a *archive) saved(tag string, want v1.Platform) (*Image, error) {
	var all list[saved]
	if err := a.parse("manifest.json", func(raw []byte) error { return jsonError(json.Unmarshal(raw, &all)) }); err != nil {
		return nil, err
	}
	missing := &noPlatform{want: want}
	var found *Image
	var from saved
	var tags, names []string
	for _, one := range all {
		for _, name := range one.RepoTags {
			if !slices.Contains(tags, name) && len(tags) < 1000 {
				tags = append(tags, name)
			}
		}
		if tag != "" && !slices.ContainsFunc(one.RepoTags, func(have string) bool { return sameTag(have, tag) }) {
			continue
		}
		if found != nil && from.Config == one.Config {
			continue
		}
		var config Config
		err := a.parse(one.Config, func(raw []byte) (err error) {
			config, err = parseConfig(raw)
			return err
		})
		if err != nil {
			return nil, err
		}
		if have := config.Platform; have.OS+have.Architecture != "" && fit(have, want) < 0 {
			missing.have = append(missing.have, have)
			continue
		}
		name := printable.Line(one.Config)
		if len(one.RepoTags) > 0 {
			name = one.RepoTags[0]
		}
		if names = append(names, name); found != nil {
			continue
		}
		from = one
		if found, err = a.image(one, config); err != nil {
			return nil, err
		}
	}
	switch {
	case len(names) > 1:
		return nil, whichOf(a.name, want, names)
	case found != nil:
		return found, nil
	case len(missing.have) > 0:
		return nil, missing
	case tag != "":
		return nil, noTag(a.name, tag, tags)
	}
	return nil, fmt.Errorf("%s has no image in it", a.name)
}

func (a *archive) image(s saved, config Config) (*Image, error) {
	if len(s.Layers) != len(config.diffIDs) || len(s.Layers) > maxLayers {
		return nil, fmt.Errorf("%s: has %d layers, its config %d diff IDs; %d are the most", a.name, len(s.Layers), len(config.diffIDs), maxLayers)
	}
	img := &Image{Config: config}
	for i, name := range s.Layers {
		entry, err := a.find(name)
		if err != nil {
			return nil, err
		}
		img.Layers = append(img.Layers, Layer{
			DiffID: config.diffIDs[i],
			Size:   entry.size,
			Open:   func() (io.ReadCloser, error) { return a.open(name) },
		})
	}
	return img, nil
}

// parse reads a small entry.
func (a *archive) parse(name string, parse func([]byte) error) error {
	r, err := a.open(name)
	if err != nil {
		return err
	}
	raw, err := readDocument(r)
	if err != nil {
		return fmt.Errorf("read %s in %s: %w", printable.Line(name), a.name, err)
	}
	if err := parse(raw); err != nil {
		return fmt.Errorf("parse %s in %s: %w", printable.Line(name), a.name, err)
	}
	return nil
}
