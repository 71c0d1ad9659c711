package image

import (
	"strings"
	"testing"
)

// FuzzDocument parses arbitrary manifests, indexes and configs.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","size":2},"layers":[{}]}`))
	f.Add([]byte(`{"manifests":[{"platform":{"os":"linux","architecture":"arm","variant":"7"},"annotations":{"io.containerd.image.name":"a"}},null]}`))
	f.Add([]byte(`{"manifests":[],"layers":null}`))
	f.Add([]byte(`{"os":"linux","config":{"Entrypoint":[""],"Cmd":"sh","Volumes":{"/a/..":{}},"Env":["A=\u0000"]},"rootfs":{"diff_ids":["sha256:x"]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if doc, err := parseDocument(raw); err != nil {
			wantLine(t, err)
		} else {
			if doc.isIndex && (len(doc.layers) > 0 || doc.config.Digest.Hex != "") {
				t.Errorf("an index has layers or a config: %+v", doc)
			}
			if err := doc.checkImage(); err != nil {
				wantLine(t, err)
			}
		}
		config, err := parseConfig(raw)
		if err != nil {
			wantLine(t, err)
			return
		}
		for _, volume := range config.Volumes {
			if !strings.HasPrefix(volume, "/") || volume == "/" || strings.Contains(volume+"/", "/../") {
				t.Errorf("the volume %q", volume)
			}
		}
		for _, text := range append(config.Env, config.User, config.WorkingDir) {
			if strings.ContainsRune(text, 0) {
				t.Errorf("a zero byte in %q", text)
			}
		}
	})
}

// wantLine demands an error that a terminal can show.
func wantLine(t *testing.T, err error) {
	t.Helper()
	said := err.Error()
	if len(said) > 2000 || strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("the error is not one printable line: %q", said)
	}
}

// FuzzPlatform parses arbitrary platforms. What one is understood as means itself.
func FuzzPlatform(f *testing.F) {
	for _, s := range []string{"", "linux/amd64", "arm/v7", "aarch64", "linux/arm64/v8", "a/b/c/d", "linux/arm/v", "Linux/X86_64/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePlatform(s)
		if err != nil {
			return
		}
		if again, err := ParsePlatform(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%q is %s, and that is %s, %v", s, p, again, err)
		}
	})
}

// FuzzTag compares arbitrary tags.
func FuzzTag(f *testing.F) {
	f.Add("docker.io/library/alpine:latest", "alpine")
	f.Add("a", "a:latest")
	f.Add("h:1/a@sha256:"+strings.Repeat("0", 64), ":")
	f.Fuzz(func(t *testing.T, have, want string) {
		if have != "" && !sameTag(have, have) {
			t.Errorf("%q is not itself", have)
		}
		sameTag(have, want)
		path, tag := splitTag(have, "index.json")
		if path != have && path+":"+tag != have {
			t.Errorf("%q was split into %q and %q", have, path, tag)
		}
	})
}
