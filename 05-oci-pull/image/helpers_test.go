package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociConfig      = "application/vnd.oci.image.config.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// files are those of a layout or an archive, by their names.
type files map[string]string

// blob adds a blob, and returns a descriptor of it.
func (f files) blob(media, content string) string {
	f["blobs/sha256/"+sum(content)] = content
	return describe(media, content, "")
}

func sum(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// describe writes a descriptor, with more fields after a comma.
func describe(media, content, more string) string {
	quoted, _ := json.Marshal(media)
	return fmt.Sprintf(`{"mediaType":%s,"digest":"sha256:%s","size":%d%s}`, quoted, sum(content), len(content), more)
}

// with adds fields to a descriptor.
func with(desc, more string) string { return strings.TrimSuffix(desc, "}") + "," + more + "}" }

// on adds a platform to a descriptor.
func on(desc, platform string) string {
	parts := append(strings.Split(platform, "/"), "")
	return with(desc, fmt.Sprintf(`"platform":{"os":%q,"architecture":%q,"variant":%q}`, parts[0], parts[1], parts[2]))
}

// tagged adds a tag to a descriptor.
func tagged(desc, tag string) string {
	return with(desc, fmt.Sprintf(`"annotations":{"org.opencontainers.image.ref.name":%q}`, tag))
}

// image adds an image without layers, which its user tells from others, and returns
// its descriptor. The platform "" is none.
func (f files) image(platform, user string) string {
	parts := append(strings.Split(platform, "/"), "", "")
	config := fmt.Sprintf(`{"os":%q,"architecture":%q,"variant":%q,"config":{"User":%q}}`, parts[0], parts[1], parts[2], user)
	return f.manifest(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[]}`, ociManifest, f.blob(ociConfig, config)))
}

func (f files) manifest(content string) string { return f.blob(ociManifest, content) }

// index adds an index.
func (f files) index(descs ...string) string {
	return f.blob(ociIndex, indexOf(descs...))
}

func indexOf(descs ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, ociIndex, strings.Join(descs, ","))
}

// layout writes the files as a layout with an index.json, and returns its directory.
func (f files) layout(t *testing.T, descs ...string) string {
	t.Helper()
	f["index.json"] = indexOf(descs...)
	dir := t.TempDir()
	for name, content := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tar packs the files, a link where the content is "-> NAME" or "=> NAME".
func (f files) tar(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(f[name]))}
		if to, ok := strings.CutPrefix(f[name], "-> "); ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeSymlink, to, 0
		}
		if to, ok := strings.CutPrefix(f[name], "=> "); ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, to, 0
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, f[name]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write writes a file, and returns its path.
func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens an image for a platform.
func open(t *testing.T, ref, platform string) (*Image, error) {
	t.Helper()
	p, err := ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Open(context.Background(), ref, Options{Platform: p, Log: func(string) {}})
	if err == nil {
		t.Cleanup(func() { img.Close() })
	}
	return img, err
}

// wantImage demands the image of a user.
func wantImage(t *testing.T, ref, platform, user string) {
	t.Helper()
	img, err := open(t, ref, platform)
	if err != nil {
		t.Errorf("%s for %s should be the image of %s, and is refused: %v", ref, platform, user, err)
	} else if img.Config.User != user {
		t.Errorf("%s for %s is the image of %s, and should be that of %s", ref, platform, img.Config.User, user)
	}
}

// wantError demands an error of at most two lines with all of the texts.
func wantError(t *testing.T, ref, platform string, texts ...string) {
	t.Helper()
	img, err := open(t, ref, platform)
	if err == nil {
		t.Errorf("%s for %s should be refused, and is the image of %s", ref, platform, img.Config.User)
		return
	}
	said := err.Error()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("the error of %s for %s should contain %q:\n%s", ref, platform, text, said)
		}
	}
	if len(said) > 1000 || strings.Count(said, "\n") > 1 || strings.Contains(said, "\x1b") {
		t.Errorf("an error should be a line, perhaps with advice on another:\n%q", said)
	}
}
