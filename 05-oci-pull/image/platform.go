package image

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/printable"
)

// platform is that of a descriptor.
type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

func (p platform) normalize() v1.Platform {
	return normalize(v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
}

// ParsePlatform understands a platform as people write it: OS/ARCH[/VARIANT], also
// without the OS, and with the names that uname(1) and Debian have for architectures.
// Nothing at all is this machine's.
func ParsePlatform(s string) (v1.Platform, error) {
	parts := strings.Split(strings.ToLower(strings.TrimSpace(s)), "/")
	switch {
	case s == "":
		parts = []string{"linux", runtime.GOARCH}
	case len(parts) == 1 && parts[0] == "linux":
		parts = append(parts, runtime.GOARCH)
	case len(parts) <= 2 && isArchitecture(parts[0]):
		parts = append([]string{"linux"}, parts...)
	case len(parts) == 1 && parts[0] != "": // one that Go does not know is one of Linux, too
		parts = []string{"linux", parts[0]}
	}
	if len(parts) > 3 || slices.Contains(parts, "") {
		return v1.Platform{}, fmt.Errorf("platform %s: not OS/ARCH or OS/ARCH/VARIANT, like linux/arm64", printable.Line(s))
	}
	p := v1.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return normalize(p), nil
}

// aliases are other names of architectures, with the variant that they imply.
var aliases = map[string][2]string{
	"x86_64": {"amd64"}, "x86-64": {"amd64"}, "x64": {"amd64"},
	"aarch64": {"arm64"}, "armv8": {"arm64"}, "armv8l": {"arm", "v7"}, "armhf": {"arm", "v7"}, "armv7": {"arm", "v7"}, "armv7l": {"arm", "v7"},
	"armv6": {"arm", "v6"}, "armv6l": {"arm", "v6"}, "armel": {"arm", "v6"}, "armv5": {"arm", "v5"},
	"i386": {"386"}, "i486": {"386"}, "i586": {"386"}, "i686": {"386"}, "x86": {"386"},
	"ppc64el": {"ppc64le"}, "powerpc64le": {"ppc64le"}, "loongarch64": {"loong64"}, "mips64el": {"mips64le"}, "mipsel": {"mipsle"},
}

func isArchitecture(name string) bool {
	_, alias := aliases[name]
	return alias || slices.Contains([]string{"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le",
		"mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"}, name)
}

// normalize gives the spellings of one platform the same form: Go's names, and a
// variant only where it is not the usual one.
func normalize(p v1.Platform) v1.Platform {
	arch, variant := strings.ToLower(p.Architecture), strings.ToLower(p.Variant)
	if alias, ok := aliases[arch]; ok {
		arch, variant = alias[0], cmp.Or(variant, alias[1])
	}
	if len(variant) > 0 && variant[0] >= '0' && variant[0] <= '9' {
		variant = "v" + variant
	}
	if usual := usualVariant(arch); variant == usual {
		variant = ""
	}
	system := strings.ToLower(p.OS)
	if system == "macos" {
		system = "darwin"
	}
	if arch == "arm" && variant == "" && p.OS != "" {
		variant = "v7" // which is what people expect to read
	}
	return v1.Platform{OS: system, Architecture: arch, Variant: variant}
}

// usualVariant is that of an architecture's images that name none.
func usualVariant(arch string) string {
	return map[string]string{"amd64": "v1", "arm64": "v8", "arm": "v7"}[arch]
}

// fit tells how well an image for one platform suits another: 0 is best, -1 not at
// all. Variants of an architecture are levels: a processor also runs the lower ones.
func fit(have, want v1.Platform) int {
	if have.OS != want.OS || have.Architecture != want.Architecture {
		return -1
	}
	usual := usualVariant(want.Architecture)
	if usual == "" {
		if have.Variant == "" || want.Variant == "" || have.Variant == want.Variant {
			return 0
		}
		return -1
	}
	level, most := levelOf(cmp.Or(have.Variant, usual)), levelOf(cmp.Or(want.Variant, usual))
	if want.Architecture == "amd64" && want.Variant == "" && level > most {
		// What every processor can run comes first, and what ours can run after it.
		if level > amd64Level() {
			return -1
		}
		return level - most
	}
	if level > most || level < 0 {
		return -1
	}
	return most - level
}

// levelOf makes a number of a variant such as v7 or v8.2, or a negative one.
func levelOf(variant string) int {
	number, err := strconv.ParseFloat(strings.TrimPrefix(variant, "v"), 64)
	if err != nil || !(number >= 0 && number < 1000) {
		return -1
	}
	return int(number * 100)
}

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
	if len(names) == 0 {
		return fmt.Sprintf("has no image for %s, nor for any other platform", e.want)
	}
	return fmt.Sprintf("is not for %s but for %s\nchoose another one with --platform", e.want, printable.List(names))
}
