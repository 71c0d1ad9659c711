package tests

import (
	"archive/tar"
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"example.com/container-go/tests/harness"
)

const lesson5 = "05-oci-pull"

// pull prepares a pull with flags.
func pull(c *harness.Case, flags ...string) *harness.Command {
	cmd := c.Command()
	cmd.Flags = append(cmd.Flags, flags...)
	return cmd
}

// pulled demands that a pull worked, and returns the directory that it printed,
// which is removed after the test.
func pulled(t *testing.T, r *harness.Result) string {
	t.Helper()
	dir := r.Output()
	if r.Stdout != dir+"\n" || !filepath.IsAbs(dir) {
		t.Fatalf("stdout must be one line, the directory:\n%s", r)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// refused demands that a pull failed with status 1, two lines of reasons at the
// most, and all of the texts in them.
func refused(t *testing.T, r *harness.Result, texts ...string) {
	t.Helper()
	if r.Status != 1 {
		t.Fatalf("this is to be refused with status 1 and a reason that says %s; it was not\n%s", strings.Join(texts, ", "), r)
	}
	_, reason, _ := strings.Cut(r.Stderr, "05-oci-pull: image ")
	for _, text := range texts {
		if !strings.Contains(reason, text) {
			t.Errorf("the error does not say %q:\n%s", text, r)
		}
	}
	if r.Stdout != "" || strings.Count(reason, "\n") > 2 || strings.Contains(r.Stderr, "goroutine") {
		t.Errorf("an error is a line, and perhaps another with advice, on stderr:\n%s", r)
	}
}

// wantFile demands a regular file with some content.
func wantFile(t *testing.T, dir, name, content string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != content {
		t.Errorf("the root filesystem's %s holds %q, %v; want %q", name, got, err, content)
	}
}

// The directory is complete, new and the user's alone, since /tmp is everybody's.
func TestImageIntoNewDirectory(t *testing.T) {
	ref := newRegistry(t).push(t, "hello", helloImage(t))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		dir := pulled(t, pull(c, "--image="+ref).Run())
		wantFile(t, dir, "hello", "hello\n")
		if filepath.Dir(dir) != c.TempDir || !strings.HasPrefix(filepath.Base(dir), "rootfs-") {
			t.Errorf("the new directory is %s, want %s/rootfs-*", dir, c.TempDir)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("others can enter %s: %v, %v", dir, info.Mode(), err)
		}
	})
}

func TestImageIntoOutput(t *testing.T) {
	ref := newRegistry(t).push(t, "hello", helloImage(t))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		parent := c.Dir()
		fresh := filepath.Join(parent, "fresh")
		for _, when := range []string{"new", "empty"} {
			if dir := pulled(t, pull(c, "--image="+ref, "--output="+fresh).Run()); dir != fresh {
				t.Errorf("printed %s, want %s", dir, fresh)
			}
			wantFile(t, fresh, "hello", "hello\n")
			if info, err := os.Stat(fresh); err != nil || info.Mode() != fs.ModeDir|0o755 {
				t.Errorf("%s: mode %v, %v; want the image's own, 0755", when, info.Mode(), err)
			}
			os.RemoveAll(filepath.Join(fresh, "hello"))
		}
		writeFile(t, filepath.Join(fresh, "mine"), "mine")
		for _, taken := range []string{fresh, filepath.Join(fresh, "mine")} {
			r := pull(c, "--image="+ref, "--output="+taken).Run()
			r.Want(1)
			if !strings.Contains(r.Stderr, taken) {
				t.Errorf("does not say that %s is in the way:\n%s", taken, r)
			}
		}
		wantFile(t, fresh, "mine", "mine")
		if entries, _ := os.ReadDir(parent); len(entries) != 1 {
			t.Errorf("left beside the output: %v", entries)
		}
	})
}

func TestImageCompressionsAndMediaTypes(t *testing.T) {
	registry := newRegistry(t)
	plain := layerTar(t, file("hello", "hello\n"))
	gz := gzipped(t, plain, gzip.DefaultCompression)
	refs := map[string]string{
		"oci gzip":   registry.push(t, "a", newImage(t, "", newLayer(t, gz, types.OCILayer, plain))),
		"oci zstd":   registry.push(t, "b", newImage(t, "", newLayer(t, zstded(t, plain), types.OCILayerZStd, plain))),
		"oci plain":  registry.push(t, "c", newImage(t, "", newLayer(t, plain, types.OCIUncompressedLayer, plain))),
		"docker":     registry.push(t, "d", mutate.MediaType(mutate.ConfigMediaType(newImage(t, "", newLayer(t, gz, types.DockerLayer, plain)), types.DockerConfigJSON), types.DockerManifestSchema2)),
		"no layers":  registry.push(t, "e", newImage(t, "")),
		"two layers": registry.push(t, "f", newImage(t, "", gzipLayer(t, file("hello", "first\n"), file("gone", "")), gzipLayer(t, file("hello", "hello\n"), file(".wh.gone", "")))),
	}
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		for name, ref := range refs {
			dir := pulled(t, pull(c, "--image="+ref).Run())
			if name != "no layers" {
				wantFile(t, dir, "hello", "hello\n")
			}
			if exists(filepath.Join(dir, "gone")) {
				t.Errorf("%s: a whiteout in the second layer did not remove the first one's file", name)
			}
		}
	})
}

func TestImagePlatforms(t *testing.T) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		img := newImage(t, arch, gzipLayer(t, file("arch", arch)))
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: arch},
		}})
	}
	registry := newRegistry(t)
	many := registry.push(t, "many", index)
	nested := registry.push(t, "nested", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index}))
	single := registry.push(t, "single", newImage(t, "arm64", gzipLayer(t, file("arch", "arm64"))))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		for _, ref := range []string{many, nested} {
			for _, arch := range []string{"amd64", "arm64"} {
				dir := pulled(t, pull(c, "--image="+ref, "--platform=linux/"+arch).Run())
				wantFile(t, dir, "arch", arch)
			}
			refused(t, pull(c, "--image="+ref, "--platform=linux/riscv64").Run(), "not for linux/riscv64 but for linux/amd64, linux/arm64", "--platform")
		}
		refused(t, pull(c, "--image="+single, "--platform=linux/amd64").Run(), "not for linux/amd64 but for linux/arm64")
	})
}

func TestImageTransports(t *testing.T) {
	img := helloImage(t)
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	registry := newRegistry(t)
	tagged := registry.push(t, "group/hello:v1", img)
	byDigest := registry.host + "/group/hello@" + digest.String()
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		shelf := filepath.Join(c.Dir(), "with:colon")
		writeLayout(t, shelf, "v1", img)
		writeLayout(t, shelf, "other", newImage(t, ""))
		archive := filepath.Join(c.Dir(), "saved.tar")
		tag, err := name.NewTag("example.com/hello:v1")
		if err == nil {
			err = tarball.WriteToFile(archive, tag, img)
		}
		if err != nil {
			t.Fatal(err)
		}
		plain := filepath.Join(c.Dir(), "plain.tar")
		writeDockerSave(t, plain)
		for _, ref := range []string{tagged, byDigest, "oci:" + shelf + ":v1", "docker-archive:" + archive, "docker-archive:" + archive + ":example.com/hello:v1", "docker-archive:" + plain} {
			wantFile(t, pulled(t, pull(c, "--image="+ref).Run()), "hello", "hello\n")
		}
		refused(t, pull(c, "--image=oci:"+shelf).Run(), "v1, other")
		refused(t, pull(c, "--image=oci:"+shelf+":v2").Run(), "v2", "v1, other")
		refused(t, pull(c, "--image=docker-archive:"+archive+":v2").Run(), "v2", "example.com/hello:v1")
		refused(t, pull(c, "--image=oci:"+c.Dir()).Run(), "layout")
		refused(t, pull(c, "--image=docker-archive:/dev/null").Run(), "docker save")
		refused(t, pull(c, "--image=ALPINE::").Run(), "ALPINE")
		lab := pulled(t, pull(c, "--image=lab").Run())
		if !exists(filepath.Join(lab, "bin/sh")) {
			t.Error("the lab image has no /bin/sh")
		}
	})
}

// writeLayout adds an image to an OCI image layout.
func writeLayout(t *testing.T, dir, tag string, img v1.Image) string {
	t.Helper()
	l, err := layout.FromPath(dir)
	if err != nil {
		l, err = layout.Write(dir, empty.Index)
	}
	if err == nil {
		err = l.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag}))
	}
	if err != nil {
		t.Fatal(err)
	}
	// Whoever is to read it need not be who wrote it.
	for _, path := range tree(dir) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			_ = os.Chmod(path, 0o644)
		}
	}
	return dir
}

// writeDockerSave writes an archive as older versions of docker save do: layers
// not compressed, and a layer that comes twice is a symlink the second time.
func writeDockerSave(t *testing.T, path string) {
	t.Helper()
	layer := layerTar(t, file("hello", "hello\n"))
	id := digestOf(t, layer).String()
	config := fmt.Sprintf(`{"os":"linux","architecture":%q,"rootfs":{"type":"layers","diff_ids":[%q,%q]}}`, runtime.GOARCH, id, id)
	archive := layerTar(t,
		file("one/layer.tar", string(layer)),
		entry{tar.Header{Name: "two/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../one/layer.tar"}, ""},
		file("config.json", config),
		file("manifest.json", `[{"Config":"config.json","RepoTags":["hello:v1"],"Layers":["one/layer.tar","two/layer.tar"]}]`))
	writeFile(t, path, string(archive))
}

func TestImageRegistryRefusals(t *testing.T) {
	for code, texts := range map[int][]string{
		http.StatusUnauthorized:    {"refuses", "docker login"},
		http.StatusForbidden:       {"refuses", "docker login"},
		http.StatusNotFound:        {"does not have it", "name and tag"},
		http.StatusTooManyRequests: {"too many requests", "--mirror"},
	} {
		for _, path := range []string{"/manifests/", "/blobs/"} {
			if code == http.StatusNotFound && path == "/blobs/" {
				texts = []string{"does not have blob sha256:", "the image there is incomplete"}
			}
			t.Run(fmt.Sprint(code, " for", path), func(t *testing.T) {
				registry := newRegistry(t)
				ref := registry.push(t, "hello", helloImage(t))
				registry.fail(path, status(code))
				harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
					refused(t, pull(c, "--image="+ref).Run(), texts...)
				})
			})
		}
	}
}

func TestImageUnknownTag(t *testing.T) {
	registry := newRegistry(t)
	ref := registry.push(t, "hello:v1", helloImage(t))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		refused(t, pull(c, "--image="+strings.Replace(ref, ":v1", ":v2", 1)).Run(), "does not have it")
	})
}

// A registry that is ill for a moment, or a connection that breaks once, does
// not stop a pull. One that stays ill does, and says why.
func TestImageRegistryFaults(t *testing.T) {
	noise := make([]byte, 300_000) // not compressible, so that there is a middle
	rand.New(rand.NewSource(1)).Read(noise)
	img := newImage(t, "", gzipLayer(t, file("hello", "hello\n"), file("noise", string(noise))))
	layer := layerDigest(t, img)
	tests := []*struct {
		name string
		path string
		bad  func(http.ResponseWriter, *http.Request, http.Handler)
		once bool
		want string

		registry *testRegistry
		ref      string
	}{
		{name: "500 for the manifest", path: "/manifests/", bad: status(500), once: true},
		{name: "500 for the layer", path: layer, bad: status(500), once: true},
		{name: "cut in the manifest", path: "/manifests/", bad: cutAfter(50), once: true},
		{name: "cut in the layer", path: layer, bad: cutAfter(100_000), once: true},
		{name: "cut before the layer", path: layer, bad: cutAfter(0), once: true},
		{name: "busy", path: layer, bad: busy, once: true},
		{name: "a token wanted", path: "/", bad: tokenWanted},
		{name: "the layer elsewhere", path: layer, bad: elsewhere},
		{name: "500 for good", path: "/manifests/", bad: status(500), want: "fails"},
	}
	for _, test := range tests {
		test.registry = newRegistry(t)
		test.ref = test.registry.push(t, strings.ReplaceAll(test.name, " ", "-"), img)
	}
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		// All at once: between its attempts, a pull waits.
		var running []*harness.Process
		faults := make([]atomic.Int32, len(tests))
		for i, test := range tests {
			test.registry.fail(test.path, func(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
				if faults[i].Add(1) > 1 && test.once {
					healthy.ServeHTTP(w, r)
				} else {
					test.bad(w, r, healthy)
				}
			})
			running = append(running, pull(c, "--image="+test.ref).Start())
		}
		for i, test := range tests {
			r := running[i].Wait()
			if test.want != "" {
				refused(t, r, test.want)
				continue
			}
			dir := pulled(t, r)
			wantFile(t, dir, "noise", string(noise))
			if faults[i].Load() < 2 {
				t.Errorf("the pull did not ask again after this fault: %s", test.name)
			}
		}
	}, harness.User)
}

// busy asks to come back in a second.
func busy(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
}

// tokenWanted is a registry that is its own token server.
func tokenWanted(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
	switch {
	case r.URL.Path == "/token":
		fmt.Fprint(w, `{"access_token":"good"}`)
	case r.Header.Get("Authorization") == "Bearer good":
		healthy.ServeHTTP(w, r)
	default:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="x", Bearer realm="http://%s/token",scope="repository:r:pull,push"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// elsewhere redirects once, to an address with a signature.
func elsewhere(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
	if r.URL.Query().Has("signature") {
		healthy.ServeHTTP(w, r)
	} else {
		http.Redirect(w, r, r.URL.Path+"?signature=1", http.StatusTemporaryRedirect)
	}
}

func layerDigest(t *testing.T, img v1.Image) string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// The blob is another than the manifest says, but the same when uncompressed:
// only its digest tells.
func TestImageWrongDigest(t *testing.T) {
	img := newImage(t, "", gzipLayer(t, file("hello", "hello\n")))
	digest := layerDigest(t, img)
	other := gzipped(t, layerTar(t, file("hello", "hello\n")), gzip.NoCompression)
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		dir := writeLayout(t, filepath.Join(c.Dir(), "layout"), "v1", img)
		replaceBlob(t, dir, digest, other, true)
		refused(t, pull(c, "--image=oci:"+dir).Run(), "digest", digest)
	})
}

// The config says another diff ID than that of the layer, whose blob is right.
func TestImageWrongDiffID(t *testing.T) {
	plain := layerTar(t, file("hello", "hello\n"))
	other := layerTar(t, file("hello", "bye\n"))
	img := newImage(t, "", newLayer(t, gzipped(t, plain, gzip.DefaultCompression), types.OCILayer, other))
	registry := newRegistry(t)
	ref := registry.push(t, "hello", img)
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		refused(t, pull(c, "--image="+ref).Run(), "diff ID", digestOf(t, other).String())
	})
}

// The config, or the manifest, is another than its digest says. A registry that
// lies about a layer is caught too.
func TestImageDamagedMetadata(t *testing.T) {
	img := helloImage(t)
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		for what, digest := range map[string]string{"config": config.String(), "manifest": manifest.String()} {
			dir := writeLayout(t, filepath.Join(c.Dir(), "layout"), "v1", img)
			path := filepath.Join(dir, "blobs", strings.Replace(digest, ":", "/", 1))
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			replaceBlob(t, dir, digest, append(content, ' '), false)
			refused(t, pull(c, "--image=oci:"+dir).Run(), what, digest)
		}
		registry := newRegistry(t)
		ref := registry.push(t, "hello", img)
		registry.fail(layerDigest(t, img), func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte("this is another blob"))
		})
		refused(t, pull(c, "--image="+ref).Run(), "layer 1/1")
	})
}

// replaceBlob puts other content in a layout under a digest, with the size that
// its manifest gives for it if sized.
func replaceBlob(t *testing.T, dir, digest string, content []byte, sized bool) {
	t.Helper()
	blobs := filepath.Join(dir, "blobs/sha256")
	path := filepath.Join(blobs, strings.TrimPrefix(digest, "sha256:"))
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(content))
	if !sized {
		return
	}
	// The manifest names the size; with it the manifest's own digest changes.
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(blobs, m.Manifests[0].Digest.Hex)
	manifest, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	size := func(n int64) string { return fmt.Sprintf(`"size":%d,"digest":%q`, n, digest) }
	changed := strings.Replace(string(manifest), size(old.Size()), size(int64(len(content))), 1)
	if changed == string(manifest) {
		t.Fatalf("no %s in %s", size(old.Size()), manifest)
	}
	hash := digestOf(t, []byte(changed))
	writeFile(t, filepath.Join(blobs, hash.Hex), changed)
	indexFile := filepath.Join(dir, "index.json")
	raw, err := os.ReadFile(indexFile)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, indexFile, strings.Replace(string(raw), m.Manifests[0].Digest.Hex, hash.Hex, 1))
}

func TestImageNoNetwork(t *testing.T) {
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		cmd := pull(c)
		cmd.Under = c.Unshare("-n")
		refused(t, cmd.Run(), "no connection", "--image=lab", "--mirror")
		cmd = pull(c, "--image=lab")
		cmd.Under = c.Unshare("-n")
		pulled(t, cmd.Run())
	}, harness.User)
}

// A mirror is asked first for Docker Hub's images, and for no others. What it
// does not have, Docker Hub is asked for, which a proxy stands in for here.
func TestImageMirror(t *testing.T) {
	mirror := newRegistry(t)
	mirror.push(t, "library/hello:v1", helloImage(t))
	other := newRegistry(t)
	elsewhere := other.push(t, "hello", helloImage(t))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		for _, cmd := range []*harness.Command{
			pull(c, "--mirror="+mirror.host, "--image=hello:v1"),
			pull(c, "--mirror=http://"+mirror.host+"/", "--image=docker.io/library/hello:v1"),
			{Env: []string{"CONTAINER_GO_MIRROR=" + mirror.host}, Flags: []string{"--image=hello:v1"}},
		} {
			if len(cmd.Env) > 0 {
				env, flags := cmd.Env, cmd.Flags
				cmd = pull(c, flags...)
				cmd.Env = env
			}
			wantFile(t, pulled(t, cmd.Run()), "hello", "hello\n")
		}
		asked := mirror.asked("")
		pulled(t, pull(c, "--mirror="+mirror.host, "--image="+elsewhere).Run())
		if mirror.asked("") != asked {
			t.Error("the mirror was asked for another registry's image")
		}
		cmd := pull(c, "--mirror="+mirror.host, "--image=hello:v2")
		cmd.Env = []string{"HTTPS_PROXY=http://127.0.0.1:1"}
		r := cmd.Run()
		refused(t, r, "no connection to index.docker.io")
		if !strings.Contains(r.Stderr, "asking Docker Hub") {
			t.Errorf("does not say that the mirror failed:\n%s", r)
		}
	})
}

func TestImageCredentials(t *testing.T) {
	registry := newRegistry(t)
	ref := registry.push(t, "private", helloImage(t))
	registry.fail("/v2/", func(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		healthy.ServeHTTP(w, r)
	})
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		refused(t, pull(c, "--image="+ref).Run(), "docker login")
		dir := c.Dir()
		auth := base64.StdEncoding.EncodeToString([]byte("ann:secret"))
		config := filepath.Join(dir, "config.json")
		writeFile(t, config, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry.host, auth))
		c.Identity.Give(t, config)
		cmd := pull(c, "--image="+ref)
		cmd.Env = []string{"DOCKER_CONFIG=" + dir}
		wantFile(t, pulled(t, cmd.Run()), "hello", "hello\n")
	})
}

// Root gives files to their owners and makes devices. An ordinary user owns
// everything, and is told so once. Modes are the image's in both cases.
func TestImageOwners(t *testing.T) {
	ref := newRegistry(t).push(t, "owners", newImage(t, "", gzipLayer(t,
		entry{tar.Header{Name: "su", Mode: 0o4755, Uid: 0, Gid: 0}, "su"},
		entry{tar.Header{Name: "mail/", Mode: 0o2775, Typeflag: tar.TypeDir, Uid: 8, Gid: 12}, ""},
		entry{tar.Header{Name: "null", Mode: 0o666, Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""}),
		gzipLayer(t, file("second", ""))))
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		r := pull(c, "--image="+ref).Run()
		dir := pulled(t, r)
		told := strings.Count(r.Stderr, "not root")
		for name, want := range map[string]struct {
			mode     fs.FileMode
			uid, gid uint32
		}{
			"su":   {0o755 | fs.ModeSetuid, 0, 0},
			"mail": {0o775 | fs.ModeSetgid | fs.ModeDir, 8, 12},
		} {
			info, err := os.Lstat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if c.Identity.IsUser() {
				want.uid, want.gid = uint32(c.Identity.Uid()), info.Sys().(*syscall.Stat_t).Gid
			}
			stat := info.Sys().(*syscall.Stat_t)
			if info.Mode() != want.mode || stat.Uid != want.uid || stat.Gid != want.gid {
				t.Errorf("%s: mode %v, owner %d:%d; want %v, %d:%d", name, info.Mode(), stat.Uid, stat.Gid, want.mode, want.uid, want.gid)
			}
		}
		if isUser := c.Identity.IsUser(); exists(filepath.Join(dir, "null")) == isUser || told == 1 != isUser {
			t.Errorf("root makes devices, others are told once that they cannot:\n%s", r)
		}
	})
}

// Interrupted, or killed, in the middle of a layer, a pull leaves nothing.
func TestImageInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			registry := newRegistry(t)
			noise := make([]byte, 1<<20)
			rand.New(rand.NewSource(2)).Read(noise)
			img := newImage(t, "", gzipLayer(t, file("first", "first"), file("noise", string(noise))))
			ref := registry.push(t, "slow", img)
			harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
				halfWay, ended := make(chan struct{}), make(chan struct{})
				registry.fail(layerDigest(t, img), func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
					layers, _ := img.Layers()
					blob, err := layers[0].Compressed()
					if err != nil {
						return
					}
					head := make([]byte, 600_000)
					_, _ = blob.Read(head)
					_, _ = w.Write(head)
					_ = http.NewResponseController(w).Flush()
					close(halfWay)
					<-ended
				})
				p := pull(c, "--image="+ref, "--output="+filepath.Join(c.TempDir, "output")).Start()
				<-halfWay
				for deadline := time.Now().Add(5 * time.Second); !slices.ContainsFunc(tree(c.TempDir), func(path string) bool {
					return strings.HasSuffix(path, "/noise")
				}); time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("no layer is being unpacked in %s: %v", c.TempDir, tree(c.TempDir))
					}
				}
				p.Signal(signal)
				r := p.Wait()
				close(ended)
				r.Want(128 + int(signal))
				// The harness sees to it that nothing is left in TempDir.
				if r.Stdout != "" || exists(filepath.Join(c.TempDir, "output")) {
					t.Errorf("an incomplete directory was shown:\n%s", r)
				}
			})
		})
	}
}

// tree lists the paths below a directory.
func tree(dir string) []string {
	var paths []string
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		paths = append(paths, path)
		return nil
	})
	return paths
}
