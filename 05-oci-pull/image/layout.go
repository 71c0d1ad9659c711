package image

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// refName is the annotation that holds an image's tag in a layout's index.json
// (image-spec annotations.md).
const refName = "org.opencontainers.image.ref.name"

// openLayout opens DIR[:TAG], an OCI image layout (image-spec image-layout.md).
// The tag may be left out where the layout holds one image.
func openLayout(dirTag string, want v1.Platform) (*Image, error) {
	dir, tag := splitTag(dirTag, "index.json")
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("%w\nan OCI image layout is a directory with index.json and blobs in it", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("parse %s/index.json: %w", dir, err)
	}
	var tags []string
	var found []v1.Descriptor
	for _, desc := range manifest.Manifests {
		name := desc.Annotations[refName]
		if name != "" {
			tags = append(tags, name)
		}
		if tag == "" || tag == name {
			found = append(found, desc)
		}
	}
	if len(found) != 1 {
		return nil, whichTag(dir, tag, tags)
	}
	return fromDescriptor(index, found[0], want)
}

// splitTag splits PATH[:TAG]. A path may have colons itself, so it goes by what
// exists; inside is a file that must be in PATH, or "" where PATH is a file.
func splitTag(s, inside string) (path, tag string) {
	if _, err := os.Stat(filepath.Join(s, inside)); err == nil {
		return s, ""
	}
	for i, c := range s {
		if c != ':' {
			continue
		}
		if _, err := os.Stat(filepath.Join(s[:i], inside)); err == nil {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func whichTag(path, tag string, tags []string) error {
	there := "it has no tags"
	if len(tags) > 0 {
		there = "its tags are " + strings.Join(tags, ", ")
	}
	if tag != "" {
		return fmt.Errorf("%s has no image with tag %s: %s", path, tag, there)
	}
	return fmt.Errorf("%s does not hold exactly one image: %s\nname one of them after a colon", path, there)
}
