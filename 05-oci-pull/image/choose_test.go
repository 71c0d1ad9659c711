package image

import (
	"fmt"
	"strings"
	"testing"
)

const (
	helmConfig  = "application/vnd.cncf.helm.config.v1+json"
	helmLayer   = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	cosignLayer = "application/vnd.dev.cosign.simplesigning.v1+json"
	inToto      = "application/vnd.in-toto+json"
	wasmConfig  = "application/vnd.wasm.config.v0+json"
	emptyConfig = "application/vnd.oci.empty.v1+json"
)

// artifact adds a manifest that is no image.
func (f files) artifact(config, layer, more string) string {
	return f.manifest(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q%s,"config":%s,"layers":[%s]}`, ociManifest, more, f.blob(config, "{}"), f.blob(layer, "x")))
}

func TestLayouts(t *testing.T) {
	f := files{}
	one, two, arm := f.image("linux/amd64", "one"), f.image("linux/amd64", "two"), f.image("linux/arm64", "arm")
	attestation := on(f.artifact(ociConfig, inToto, ""), "unknown/unknown")
	multi := f.index(on(one, "linux/amd64"), on(arm, "linux/arm64"), attestation)
	inner := f.index(tagged(one, "v1"), tagged(two, "v2"))
	named := func(desc, name string) string {
		return with(desc, fmt.Sprintf(`"annotations":{"io.containerd.image.name":%q,"org.opencontainers.image.ref.name":"latest"}`, name))
	}
	for _, c := range []struct {
		what     string
		descs    []string
		tag      string
		platform string
		want     string // an image, or parts of an error after a "!", between bars
	}{
		{"a single image", []string{one}, "", "amd64", "one"},
		{"one for another platform", []string{one}, "", "arm64", "!linux/arm64|linux/amd64|--platform"},
		{"one digest twice", []string{tagged(one, "a"), tagged(one, "b")}, "", "amd64", "one"},
		{"one digest twice, by tag", []string{tagged(one, "a"), tagged(one, "b")}, ":b", "amd64", "one"},
		{"one digest twice, with one tag", []string{tagged(one, "a"), tagged(one, "a")}, ":a", "amd64", "one"},
		{"several platforms", []string{one, arm}, "", "arm64", "arm"},
		{"several platforms, annotated", []string{on(one, "linux/amd64"), on(arm, "linux/arm64")}, "", "amd64", "one"},
		{"several platforms with one tag", []string{tagged(one, "a"), tagged(arm, "a")}, ":a", "arm64", "arm"},
		{"two images", []string{tagged(one, "v1"), tagged(two, "v2")}, "", "amd64", "!exactly one|v1, v2|after a colon"},
		{"two images of which one has a tag", []string{one, tagged(two, "v2")}, "", "amd64", "!exactly one|v2"},
		{"two images by tag", []string{tagged(one, "v1"), tagged(two, "v2")}, ":v2", "amd64", "two"},
		{"two images without tags", []string{one, two}, "", "amd64", "!exactly one|sha256:"},
		{"two images with one tag", []string{tagged(one, "a"), tagged(two, "a")}, ":a", "amd64", "!exactly one"},
		{"a tag that is not there", []string{tagged(one, "v1"), tagged(two, "v2")}, ":v3", "amd64", "!v3|v1, v2"},
		{"a tag where there is none", []string{one}, ":v3", "amd64", "!v3|no tags"},
		{"a nested index", []string{tagged(multi, "v1")}, "", "arm64", "arm"},
		{"a nested index by tag", []string{tagged(multi, "v1"), tagged(two, "v2")}, ":v1", "arm64", "arm"},
		{"an index in an index in an index", []string{f.index(f.index(multi))}, "", "amd64", "one"},
		{"a tag in a nested index", []string{inner}, ":v2", "amd64", "two"},
		{"a tag that is in no nested index", []string{inner}, ":v3", "amd64", "!v1, v2"},
		{"an image beside its index", []string{one, multi}, "", "amd64", "one"},
		{"a full name", []string{named(one, "docker.io/library/alpine:latest")}, ":alpine", "amd64", "one"},
		{"an attestation beside it", []string{one, attestation}, "", "amd64", "one"},
		{"an attestation alone", []string{attestation}, "", "amd64", "!linux/amd64"},
		{"nothing", nil, "", "amd64", "!lists no images"},
		{"an empty index within", []string{f.index()}, "", "amd64", "!lists no images"},
		{"an unknown type beside it", []string{f.blob("application/vnd.example+json", "{}"), one}, "", "amd64", "one"},
		{"an unknown type alone", []string{f.blob("application/vnd.example+json", "{}")}, "", "amd64", "!application/vnd.example+json"},
		{"no type at all", []string{strings.Replace(one, ociManifest, "", 1)}, "", "amd64", "one"},
		{"an index with no type at all", []string{strings.Replace(multi, ociIndex, "", 1)}, "", "arm64", "arm"},
		{"a chart beside it", []string{f.artifact(helmConfig, helmLayer, ""), one}, "", "amd64", "one"},
		{"a chart", []string{f.artifact(helmConfig, helmLayer, "")}, "", "amd64", "!not an image|" + helmConfig},
		{"a signature", []string{f.artifact(ociConfig, cosignLayer, "")}, "", "amd64", "!not an image|" + cosignLayer},
		{"wasm", []string{f.artifact(wasmConfig, "application/wasm", "")}, "", "amd64", "!not an image|" + wasmConfig},
		{"an artifact by its type", []string{f.artifact(emptyConfig, "text/plain", `,"artifactType":"application/x.recipe"`)}, "", "amd64", "!application/x.recipe"},
		{"an artifact type that is for a terminal", []string{f.artifact("application/\x1b[31m", "x", "")}, "", "amd64", `!\x1b[31m`},
		{"a volume plugin", []string{f.artifact("application/vnd.docker.plugin.v1+json", "x", "")}, "", "amd64", "!docker.plugin"},
		{"encrypted layers", []string{f.artifact(ociConfig, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "")}, "", "amd64", "!encrypted"},
	} {
		t.Run(c.what, func(t *testing.T) {
			ref := "oci:" + f.layout(t, c.descs...) + c.tag
			if texts, ok := strings.CutPrefix(c.want, "!"); ok {
				wantError(t, ref, c.platform, strings.Split(texts, "|")...)
			} else {
				wantImage(t, ref, c.platform, c.want)
			}
		})
	}
}

func TestIndexesAreChosenFromByPlatform(t *testing.T) {
	f := files{}
	var descs, many []string
	for _, p := range []string{"linux/amd64", "linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64/v8", "linux/386", "windows/amd64", "linux/ppc64le"} {
		descs = append(descs, on(f.image(p, p), p))
	}
	for i := range 25 {
		p := fmt.Sprintf("linux/cpu%02d", i)
		many = append(many, on(f.image(p, p), p))
	}
	ref := "oci:" + f.layout(t, f.index(descs...))
	for platform, want := range map[string]string{
		"amd64": "linux/amd64", "linux/x86_64": "linux/amd64", "linux/amd64/v1": "linux/amd64", "linux/amd64/v3": "linux/amd64",
		"linux/aarch64": "linux/arm64/v8", "linux/arm64/v8": "linux/arm64/v8", "arm64": "linux/arm64/v8", "arm64/v8": "linux/arm64/v8",
		"arm/v7": "linux/arm/v7", "linux/arm": "linux/arm/v7", "armhf": "linux/arm/v7", "linux/arm/v6": "linux/arm/v6", "armel": "linux/arm/v6",
		"linux/arm/v5": "linux/arm/v5", "linux/arm/7": "linux/arm/v7", "i686": "linux/386", "Linux/AMD64": "linux/amd64", "ppc64el": "linux/ppc64le",
	} {
		wantImage(t, ref, platform, want)
	}
	wantError(t, ref, "s390x", "linux/s390x", "linux/arm/v5", "windows/amd64")
	// A list of what there is ends after ten.
	wantError(t, "oci:"+f.layout(t, f.index(many...)), "amd64", "linux/cpu09", "15 more")
	// Indexes may name no platforms: the configs do.
	wantImage(t, "oci:"+f.layout(t, f.index(f.image("linux/arm64", "arm"), f.image("linux/x86_64", "pc"))), "amd64", "pc")
	// No more manifests are fetched than any real index has.
	var endless []string
	for i := range 101 {
		endless = append(endless, f.image("linux/arm64", fmt.Sprint(i)))
	}
	wantError(t, "oci:"+f.layout(t, endless...), "amd64", "more than 100 manifests")
	wantError(t, "oci:"+f.layout(t, endless[:100]...), "amd64", "linux/arm64")
	wantImage(t, "oci:"+f.layout(t, append(endless[:99:99], f.image("linux/amd64", "last"))...), "amd64", "last")
}

// A processor runs what was made for lower levels than its own.
func TestAMD64Levels(t *testing.T) {
	real := amd64Level
	defer func() { amd64Level = real }()
	f := files{}
	v1, v2, v3 := on(f.image("linux/amd64", "v1"), "linux/amd64"), on(f.image("linux/amd64/v2", "v2"), "linux/amd64/v2"), on(f.image("linux/amd64", "v3"), "linux/amd64/v3")
	all, high := "oci:"+f.layout(t, f.index(v3, v2, v1)), "oci:"+f.layout(t, f.index(v3))
	for level, wants := range map[int]string{100: "!v3", 200: "!v3", 300: "v3", 400: "v3"} {
		amd64Level = func() int { return level }
		wantImage(t, all, "amd64", "v1")
		if wants == "v3" {
			wantImage(t, high, "amd64", "v3")
		} else {
			wantError(t, high, "amd64", "linux/amd64/v3")
		}
		wantImage(t, all, "amd64/v3", "v3")
		wantImage(t, all, "amd64/v2", "v2")
	}
	if got := levelOfCPU("flags\t: a"); got != 100 {
		t.Errorf("a processor without features has level %d", got)
	}
	flags := "\nflags\t\t: " + strings.Join(amd64Features[:3], " ") + "\n"
	if got := levelOfCPU(flags); got != 300 {
		t.Errorf("a processor with the features of v3 has level %d", got)
	}
	if got := levelOfCPU(strings.Replace(flags, "fma", "fm", 1)); got != 200 {
		t.Errorf("a processor that lacks one feature of v3 has level %d", got)
	}
}

func TestPlatformsThatAreNone(t *testing.T) {
	for _, s := range []string{"/", "linux/", "/amd64", "a/b/c/d", "linux//v7", " / "} {
		if p, err := ParsePlatform(s); err == nil {
			t.Errorf("%q is the platform %s", s, p)
		}
	}
}
