package image

import (
	"os"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/pflag"
)

// Flags are the flags that choose an image, the same in every program that does.
type Flags struct {
	Ref      string
	platform string
	mirror   string
}

// AddFlags defines the flags on a program's flag set.
func AddFlags(set *pflag.FlagSet) *Flags {
	f := new(Flags)
	set.StringVar(&f.Ref, "image", "alpine:latest", "`REF` of an image in a registry, oci:DIR[:TAG], docker-archive:FILE[:TAG] or lab")
	set.StringVar(&f.platform, "platform", "linux/"+runtime.GOARCH, "`OS/ARCH` to choose from a multi-platform image")
	set.StringVar(&f.mirror, "mirror", os.Getenv("CONTAINER_GO_MIRROR"), "registry `HOST` to ask first for Docker Hub's images; also $CONTAINER_GO_MIRROR")
	return f
}

// Options are what the parsed flags mean. Remarks for the user go to log.
func (f *Flags) Options(log func(string)) (Options, error) {
	// As for docker, an architecture alone is one of Linux.
	wanted := f.platform
	if wanted == "" {
		wanted = runtime.GOARCH
	}
	if !strings.Contains(wanted, "/") {
		wanted = "linux/" + wanted
	}
	platform, err := v1.ParsePlatform(wanted)
	if err != nil {
		return Options{}, err
	}
	return Options{Platform: *platform, Mirror: f.mirror, Log: log}, nil
}
