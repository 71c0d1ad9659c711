package tests

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"

	"example.com/container-go/tests/harness"
)

// savedLab is lab as docker save writes it.
func savedLab(t *testing.T) []byte {
	t.Helper()
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Config(newImage(t, "", lab), v1.Config{Cmd: []string{"echo", "saved"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	tag, err := name.NewTag("docker.io/library/saved:v1")
	if err == nil {
		err = tarball.Write(tag, img, &b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// `docker save IMAGE | gzip | ssh HOST …` is how images get to machines without a
// network.
func TestArchivesFromPipes(t *testing.T) {
	saved := savedLab(t)
	packed := gzipped(t, saved, gzip.BestSpeed)
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		for _, stdin := range [][]byte{saved, packed, zstded(t, saved)} {
			for _, ref := range []string{"docker-archive:-", "docker-archive:/dev/stdin", "docker-archive:-:saved:v1"} {
				cmd := pull(c, "--image="+ref)
				cmd.Stdin = bytes.NewReader(stdin)
				if dir := pulled(t, cmd.Run()); !exists(filepath.Join(dir, "bin/sh")) {
					t.Errorf("%s gave a root filesystem without /bin/sh", ref)
				}
			}
		}
		path := filepath.Join(c.Dir(), "image.tar.gz")
		writeFile(t, path, string(packed))
		pulled(t, pull(c, "--image=docker-archive:"+path+":saved:v1").Run())
		refused(t, pull(c, "--image=docker-archive:"+path+":saved:v2").Run(), "saved:v1", "saved:v2")
		refused(t, pull(c, "--image=docker-archive:"+path, "--max-size=1m").Run(), "more than 1048576 bytes", "--max-size")
		// Nothing is left where the archive was uncompressed.
		if left, _ := filepath.Glob("/var/tmp/container-go-*"); len(left) > 0 {
			t.Errorf("left in /var/tmp: %v", left)
		}
	})
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		cmd := fromImage(c, "docker-archive:-")
		cmd.Stdin = bytes.NewReader(packed)
		if got := cmd.Run().Output(); got != "saved" {
			t.Errorf("the image from stdin printed %q", got)
		}
	})
}

// A compression bomb ends at --max-size, in the store as in a directory, and nothing is
// left of it. A size in a header ends before anything is unpacked.
func TestImagesAreBounded(t *testing.T) {
	const size = 8 << 20
	zeros := layerTar(t, file("zeros", strings.Repeat("\x00", size)))
	after := append(layerTar(t), make([]byte, size)...)
	registry := newRegistry(t)
	bombs := map[string]string{
		"a file":              registry.push(t, "file", newImage(t, "", newLayer(t, gzipped(t, zeros, 9), "application/vnd.oci.image.layer.v1.tar+gzip", zeros))),
		"after the last file": registry.push(t, "after", newImage(t, "", newLayer(t, gzipped(t, after, 9), "application/vnd.oci.image.layer.v1.tar+gzip", after))),
		"a zstd frame":        registry.push(t, "zstd", newImage(t, "", newLayer(t, zstded(t, after), "application/vnd.oci.image.layer.v1.tar+zstd", after))),
	}
	// A hole needs no bytes of the archive, and may have any size.
	if hole, err := exec.Command("sh", "-c", "f=$(mktemp) && truncate -s 1T $f && tar --format=pax --sparse -cf - -C / ${f#/}; rm $f").Output(); err == nil {
		bombs["a hole"] = registry.push(t, "hole", newImage(t, "", newLayer(t, hole, "application/vnd.oci.image.layer.v1.tar", hole)))
	}
	halves := registry.push(t, "halves", newImage(t, "", gzipLayer(t, file("a", strings.Repeat("a", size/2))), gzipLayer(t, file("b", strings.Repeat("b", size/2)))))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		for what, ref := range bombs {
			r := pull(c, "--image="+ref, "--max-size=8m").Run()
			refused(t, r, "more than 8388608 bytes", "--max-size")
			if what != "a hole" {
				pulled(t, pull(c, "--image="+ref, "--max-size=9m").Run())
			}
		}
		refused(t, pull(c, "--image="+halves, "--max-size=8m").Run(), "layer 2/2", "--max-size")
		pulled(t, pull(c, "--image="+halves, "--max-size=9m").Run())
		pull(c, "--image="+halves, "--max-size=much").Run().Want(2)
	})
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		for _, ref := range append([]string{halves}, bombs["a file"], bombs["after the last file"]) {
			r := with(c, []string{"--store=" + store, "--image=" + ref, "--max-size=8m"}, "true").Run().Want(125)
			if !strings.Contains(r.Stderr, "--max-size") {
				t.Errorf("the error should name --max-size\n%s", r)
			}
			with(c, []string{"--store=" + store, "--image=" + ref, "--max-size=9m"}, "true").Run().Want(127)
		}
		if ref, ok := bombs["a hole"]; ok {
			r := with(c, []string{"--store=" + store, "--image=" + ref}, "true").Run().Want(125)
			if !strings.Contains(r.Stderr, "--max-size") {
				t.Errorf("a file with a hole of a terabyte is larger than any image\n%s", r)
			}
		}
	}, harness.Root, harness.User)
}
