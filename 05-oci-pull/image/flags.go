package image

import (
	"fmt"
	"os"
	"runtime"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"
)

// Flags are the flags that choose an image, the same in every program that does.
type Flags struct {
	Ref      string
	platform string
	mirror   string
	maxSize  string
}

// AddFlags defines the flags on a program's flag set.
func AddFlags(set *pflag.FlagSet) *Flags {
	f := new(Flags)
	set.StringVar(&f.Ref, "image", "alpine:latest", "`REF` of an image in a registry, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG] or lab")
	set.StringVar(&f.platform, "platform", "linux/"+runtime.GOARCH, "`OS/ARCH` to choose from a multi-platform image")
	set.StringVar(&f.mirror, "mirror", os.Getenv("CONTAINER_GO_MIRROR"), "registry `HOST` to ask first for Docker Hub's images; also $CONTAINER_GO_MIRROR")
	set.StringVar(&f.maxSize, "max-size", "64g", "`SIZE` that an image may have when unpacked, like 100g")
	return f
}

// Options are what the parsed flags mean. Remarks for the user go to log.
func (f *Flags) Options(log func(string)) (Options, error) {
	platform, err := ParsePlatform(f.platform)
	if err != nil {
		return Options{}, err
	}
	most, err := units.RAMInBytes(f.maxSize)
	if err != nil || most <= 0 {
		return Options{}, fmt.Errorf("--max-size %s: not a size such as 100g", f.maxSize)
	}
	return Options{Platform: platform, Mirror: f.mirror, MaxSize: most, Log: log}, nil
}
