package tests

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"example.com/container-go/tests/harness"
)

// The layers of a small image on disk, one over the other, are a directory; and a
// layer that is not what its name says is refused.
func TestImageLayout(t *testing.T) {
	img := newImage(t, "",
		gzipLayer(t, directory("./"), directory("etc/"), file("etc/motd", "first\n"), file("etc/gone", "gone\n"), file("same", "same\n")),
		gzipLayer(t, directory("etc/"), file("etc/.wh.gone", ""), file("etc/motd", "second\n"),
			entry{tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "etc/motd"}, ""}))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		dir, output := writeLayout(t, filepath.Join(c.Dir(), "layout"), "v1", img), filepath.Join(c.Dir(), "rootfs")
		r := pull(c, "--image=oci:"+dir, "--output="+output).Run()
		if r.Stdout != output+"\n" {
			t.Fatalf("stdout must be one line, the directory\n%s", r)
		}
		wantFile(t, output, "same", "same\n")
		wantFile(t, output, "etc/motd", "second\n")
		if target, err := os.Readlink(output + "/link"); target != "etc/motd" {
			t.Errorf("the second layer's symlink leads to %q, %v", target, err)
		}
		if exists(output + "/etc/gone") {
			t.Errorf("etc/gone is still there: the whiteout etc/.wh.gone in the second layer hides the first one's file")
		}
		if exists(output + "/etc/.wh.gone") {
			t.Errorf("a whiteout was unpacked as a file: etc/.wh.gone")
		}

		digest := layerDigest(t, img)
		replaceBlob(t, dir, digest, gzipped(t, layerTar(t, file("same", "other\n")), gzip.DefaultCompression), true)
		output = filepath.Join(c.Dir(), "rootfs")
		r = pull(c, "--image=oci:"+dir, "--output="+output).Run()
		if r.Status == 0 || r.Stdout != "" || !strings.Contains(r.Stderr, strings.TrimPrefix(digest, "sha256:")) {
			t.Errorf("a layer was changed: its digest is not %s any more, and the error should name it\n%s", digest, r)
		}
		if exists(output) {
			t.Errorf("of an image that was refused there is %s", output)
		}
	})
}
