package image

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/printable"
)

// splitTag splits PATH[:TAG]. A path may have colons itself, so it goes by what
// exists; inside is a file that must be in PATH, or "" where PATH is a file. The path
// "-" is stdin.
func splitTag(s, inside string) (path, tag string) {
	if rest, ok := strings.CutPrefix(s, "-:"); ok {
		return "-", rest
	}
	if _, err := os.Stat(filepath.Join(s, inside)); err == nil || s == "-" {
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

// sameTag reports whether a name in an archive or a layout is the one wanted, in
// any of the ways in which Docker's names are written.
func sameTag(have, want string) bool {
	if have == "" || have == want {
		return have != ""
	}
	h, err := name.ParseReference(have)
	if err != nil {
		return false
	}
	w, err := name.ParseReference(want)
	if err == nil && h.Name() == w.Name() {
		return true
	}
	// The tag alone.
	return h.Identifier() == want && strings.Contains(have, ":")
}

// nameOf is by which name a descriptor is shown.
func nameOf(desc descriptor) string {
	switch {
	case desc.Annotations.Name != "":
		return desc.Annotations.Name
	case desc.Annotations.Tag != "":
		return desc.Annotations.Tag
	}
	return desc.Digest.String()
}

// noTag is the error of a tag that is not there.
func noTag(where, tag string, names []string) error {
	there := "it has no tags"
	if len(names) > 0 {
		there = "its tags are " + printable.List(names)
	}
	return fmt.Errorf("%s has no image with tag %s: %s", where, printable.Line(tag), there)
}

// whichOf is the error of a choice that the user must make.
func whichOf(where string, want v1.Platform, names []string) error {
	return fmt.Errorf("%s does not hold exactly one image for %s: it has %s\nname one of them after a colon", where, want, printable.List(names))
}
