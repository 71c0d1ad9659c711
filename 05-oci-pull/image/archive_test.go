package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressors are what people pipe docker save through.
var compressors = map[string]func(t *testing.T, data []byte) []byte{
	"plain": func(_ *testing.T, data []byte) []byte { return data },
	"gzip": func(t *testing.T, data []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(data)
		w.Close()
		return b.Bytes()
	},
	"zstd": func(t *testing.T, data []byte) []byte {
		w, _ := zstd.NewWriter(nil)
		defer w.Close()
		return w.EncodeAll(data, nil)
	},
	"bzip2": func(t *testing.T, data []byte) []byte { return compressWith(t, "bzip2", data) },
	"xz":    func(t *testing.T, data []byte) []byte { return compressWith(t, "xz", data) },
}

func compressWith(t *testing.T, program string, data []byte) []byte {
	t.Helper()
	cmd := exec.Command(program, "-c")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("there is no %s here: %v", program, err)
	}
	return out
}

// savedFiles are those of a docker save archive with one image, whose second layer is
// a link to the first.
func savedFiles(user, link string, tags ...string) files {
	layer := strings.Repeat("\x00", 1024) // an empty tar archive
	id := "sha256:" + sum(layer)
	return files{
		"a/layer.tar":   layer,
		"b/layer.tar":   link,
		"config.json":   fmt.Sprintf(`{"os":"linux","architecture":"amd64","config":{"User":%q},"rootfs":{"diff_ids":[%q,%q]}}`, user, id, id),
		"manifest.json": fmt.Sprintf(`[{"Config":"config.json","RepoTags":[%s],"Layers":["a/layer.tar","./b/layer.tar"]}]`, quoted(tags)),
	}
}

func quoted(texts []string) string {
	var q []string
	for _, text := range texts {
		q = append(q, fmt.Sprintf("%q", text))
	}
	return strings.Join(q, ",")
}

func TestArchivesMayBeCompressed(t *testing.T) {
	saved := savedFiles("saved", "-> ../a/layer.tar", "hello:v1").tar(t)
	f := files{}
	f["index.json"] = indexOf(f.image("linux/amd64", "laidout"))
	laidout := f.tar(t)
	for name, compress := range compressors {
		t.Run(name, func(t *testing.T) {
			for _, a := range []struct{ transport, user string }{{"docker-archive", "saved"}, {"oci-archive", "laidout"}} {
				content := saved
				if a.user == "laidout" {
					content = laidout
				}
				path := write(t, compress(t, content))
				if name == "xz" {
					wantError(t, a.transport+":"+path, "amd64", "compressed with xz", path)
					continue
				}
				wantImage(t, a.transport+":"+path, "amd64", a.user)
				wantImage(t, a.transport+":"+fifo(t, compress(t, content)), "amd64", a.user)
			}
		})
	}
	// Newer versions of docker save write a layout, too: either transport reads either.
	wantImage(t, "docker-archive:"+write(t, laidout), "amd64", "laidout")
	wantImage(t, "oci-archive:"+write(t, saved), "amd64", "saved")
}

// fifo is a pipe with a name, which gives some content.
func fifo(t *testing.T, content []byte) string {
	t.Helper()
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		if w, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			w.Write(content)
			w.Close()
		}
	}()
	return path
}

// A pipe that gives nothing does not keep Ctrl-C from ending it.
func TestSilentPipeIsGivenUp(t *testing.T) {
	path := t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := Open(ctx, "docker-archive:"+path, Options{}); err == nil {
		t.Error("a pipe without a writer was opened")
	}
	if w, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		w.Close() // which lets the goroutine go that waits for it
	}
}

func TestArchiveLayersMayBeLinks(t *testing.T) {
	for _, link := range []string{"-> ../a/layer.tar", "=> a/layer.tar", "=> ./a/layer.tar", "-> /a/layer.tar", "-> ../../../a/layer.tar"} {
		img, err := open(t, "docker-archive:"+write(t, savedFiles("u", link).tar(t)), "amd64")
		if err != nil {
			t.Errorf("a layer that is the link %q is refused: %v", link, err)
			continue
		}
		blob, err := img.Layers[1].Open()
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(blob); err != nil || len(content) != 1024 || img.Layers[1].Size != 1024 {
			t.Errorf("the layer that is the link %q has %d bytes, %v", link, len(content), err)
		}
	}
	f := savedFiles("u", "-> ../l1")
	for i := 1; i < 7; i++ { // and the first, and the file
		f[fmt.Sprintf("l%d", i)] = fmt.Sprintf("-> l%d", i+1)
	}
	f["l7"] = f["a/layer.tar"]
	wantImage(t, "docker-archive:"+write(t, f.tar(t)), "amd64", "u")
	f["l7"], f["l8"] = "-> l8", f["a/layer.tar"]
	wantError(t, "docker-archive:"+write(t, f.tar(t)), "amd64", "more than 8 links")
	for link, says := range map[string]string{"-> layer.tar": "links", "-> ../../etc/passwd": "b/layer.tar", "-> gone": "b/layer.tar"} {
		wantError(t, "docker-archive:"+write(t, savedFiles("u", link).tar(t)), "amd64", says)
	}
}

func TestArchiveTags(t *testing.T) {
	path := write(t, savedFiles("u", "=> a/layer.tar", "alpine:latest", "ghcr.io/o/r:v2").tar(t))
	for _, tag := range []string{"", ":alpine", ":alpine:latest", ":library/alpine", ":docker.io/library/alpine:latest",
		":docker.io/alpine", ":index.docker.io/library/alpine:latest", ":latest", ":ghcr.io/o/r:v2", ":v2"} {
		wantImage(t, "docker-archive:"+path+tag, "amd64", "u")
	}
	for _, tag := range []string{":alpine:3", ":alpin", ":o/r:v2", ":ghcr.io/o/r", ":quay.io/library/alpine"} {
		wantError(t, "docker-archive:"+path+tag, "amd64", "alpine:latest, ghcr.io/o/r:v2", tag[1:])
	}
	f := savedFiles("one", "=> a/layer.tar")
	f["other.json"] = strings.Replace(f["config.json"], "one", "other", 1)
	f["arm.json"] = strings.NewReplacer("one", "arm", "amd64", "arm64").Replace(f["config.json"])
	entry := func(config, tag string) string {
		return fmt.Sprintf(`{"Config":%q,"RepoTags":[%q],"Layers":["a/layer.tar","b/layer.tar"]}`, config, tag)
	}
	f["manifest.json"] = "[" + entry("config.json", "one:1") + "," + entry("other.json", "other:1") + "," + entry("arm.json", "one:1") + "]"
	path = write(t, f.tar(t))
	wantImage(t, "docker-archive:"+path+":one:1", "amd64", "one")
	wantImage(t, "docker-archive:"+path+":one:1", "arm64", "arm")
	wantImage(t, "docker-archive:"+path, "arm64", "arm")
	wantError(t, "docker-archive:"+path, "amd64", "one:1, other:1")
	wantError(t, "docker-archive:"+path+":other:1", "arm64", "linux/amd64")
}

func TestDamagedArchives(t *testing.T) {
	whole := savedFiles("u", "=> a/layer.tar").tar(t)
	wantError(t, "docker-archive:"+write(t, whole[:700]), "amd64", "EOF")
	wantError(t, "docker-archive:"+write(t, compressors["gzip"](t, whole)[:200]), "amd64", "EOF")
	wantError(t, "docker-archive:"+write(t, []byte("hello")), "amd64", "archive")
	wantError(t, "docker-archive:"+write(t, nil), "amd64", "is empty")
	wantError(t, "docker-archive:"+t.TempDir(), "amd64", "directory")
	wantError(t, "docker-archive:/no/such/file", "amd64", "/no/such/file")
	for _, manifest := range []string{`null`, `[]`, `{}`, `[{}]`, `[{"Config":7}]`, `[null]`, `[{"Config":"config.json","Layers":["x"]}]`, `[`, ``} {
		f := savedFiles("u", "=> a/layer.tar")
		f["manifest.json"] = manifest
		wantError(t, "docker-archive:"+write(t, f.tar(t)), "amd64")
	}
}

// A bomb ends at the bound.
func TestArchivesAreBounded(t *testing.T) {
	f := savedFiles("u", "=> a/layer.tar")
	f["zeros"] = strings.Repeat("\x00", 1<<20)
	content := f.tar(t)
	path := write(t, compressors["gzip"](t, content))
	for most, ok := range map[int64]bool{int64(len(content)): true, int64(len(content)) - 1: false} {
		p, _ := ParsePlatform("amd64")
		img, err := Open(context.Background(), "docker-archive:"+path, Options{Platform: p, MaxSize: most})
		if err == nil {
			img.Close()
		}
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "--max-size") {
			t.Errorf("with a bound of %d bytes, an archive of %d: %v", most, len(content), err)
		}
	}
}
