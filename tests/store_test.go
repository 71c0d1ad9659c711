package tests

import (
	"archive/tar"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"example.com/container-go/tests/harness"
)

// labImage is lab with more layers on top, each of some entries.
func labImage(t *testing.T, layers ...[]entry) v1.Image {
	t.Helper()
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	all := []v1.Layer{lab}
	for _, entries := range layers {
		all = append(all, gzipLayer(t, entries...))
	}
	img, err := mutate.Config(newImage(t, "", all...), v1.Config{Cmd: []string{"/bin/sh"}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// from prepares a run of a registry's image with a store.
func from(c *harness.Case, store, ref string, args ...string) *harness.Command {
	return with(c, []string{"--store=" + store, "--image=" + ref}, args...)
}

// What was pulled once needs no network.
func TestStoreOffline(t *testing.T) {
	registry := newRegistry(t)
	ref := registry.push(t, "hello", labImage(t, []entry{file("hello", "hello\n")}))
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		from(c, store, ref, "true").Run().Want(0)
		asked := registry.asked("")
		cmd := from(c, store, ref, "cat", "/hello")
		if !c.Identity.IsUser() {
			// For an ordinary user it would take another user namespace, which has
			// other images.
			cmd.Under = []string{"unshare", "-n"}
		}
		if got := cmd.Run().Output(); got != "hello" {
			t.Errorf("without a network, the image in the store printed %q", got)
		}
		if n := registry.asked("") - asked; n != 0 {
			t.Errorf("the registry was asked %d times for an image that is in the store", n)
		}
	})
}

func TestStorePull(t *testing.T) {
	registry := newRegistry(t)
	ref := registry.push(t, "hello", labImage(t, []entry{file("version", "1")}))
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		registry.push(t, "hello", labImage(t, []entry{file("version", "1")}))
		store := c.NewStore()
		version := func(pull string) string {
			cmd := from(c, store, ref, "cat", "/version")
			cmd.Flags = append(cmd.Flags, "--pull="+pull)
			return cmd.Run().Output()
		}
		r := with(c, []string{"--store=" + store, "--image=" + ref, "--pull=never"}, "true").Run().Want(125)
		if !strings.Contains(r.Stderr, ref) || !strings.Contains(r.Stderr, "--pull=never") {
			t.Errorf("with --pull=never the error should name the image that is not there\n%s", r)
		}
		if got := version("missing"); got != "1" {
			t.Errorf("the image has version %s, want 1", got)
		}
		registry.push(t, "hello", labImage(t, []entry{file("version", "2")}))
		for _, step := range [][2]string{{"missing", "1"}, {"never", "1"}, {"always", "2"}, {"missing", "2"}} {
			if got := version(step[0]); got != step[1] {
				t.Errorf("with --pull=%s the image has version %s, want %s", step[0], got, step[1])
			}
		}
		if n := registry.asked("GET /v2/hello/blobs"); n != 2 {
			t.Errorf("the new version took %d blobs, want 2: a config and one layer, as the other is in the store", n)
		}
	}, harness.Root, harness.User)
}

// Of several runs that want one image at once, one does the work.
func TestStoreAtOnce(t *testing.T) {
	registry := newRegistry(t)
	img := labImage(t, []entry{file("hello", "hello\n")}, []entry{file("more", noise(300_000))})
	ref := registry.push(t, "hello", img)
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		registry.push(t, "hello", img)
		store := c.NewStore()
		var running []*harness.Process
		for range 4 {
			running = append(running, from(c, store, ref, "cat", "/hello").Start())
		}
		for _, p := range running {
			if got := p.Wait().Output(); got != "hello" {
				t.Errorf("one of several runs at once printed %q", got)
			}
		}
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range layers {
			digest, err := layer.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if n := registry.asked("GET /v2/hello/blobs/" + digest.String()); n != 1 {
				t.Errorf("4 runs at once fetched the layer %s %d times, not once", digest, n)
			}
		}
	})
}

// noise does not compress.
func noise(size int) string {
	content := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(content)
	return string(content)
}

// A pull that is killed at any instant leaves a store that the next run can use,
// and nothing half-made after that.
func TestStorePullKilled(t *testing.T) {
	registry := newRegistry(t)
	content := noise(500_000)
	img := labImage(t, []entry{file("one", content)}, []entry{file("two", content+"2"), directory("empty")}, []entry{file("three", "3")})
	ref := registry.push(t, "hello", img)
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	blobs := manifest.Layers
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		random := rand.New(rand.NewSource(time.Now().UnixNano()))
		for range harness.Scaled(4) {
			store := c.NewStore()
			for range 2 {
				// At a random byte of a random layer, and then a moment later, when what
				// came is being unpacked and given its place.
				blob := blobs[random.Intn(len(blobs))]
				reached := registry.afterBytes(blob.Digest.String(), random.Intn(int(blob.Size)))
				p := from(c, store, ref, "true").Start()
				p.AwaitOrEnd(reached)
				time.Sleep(time.Duration(random.Intn(30)) * time.Millisecond)
				_ = syscall.Kill(-p.Pid(), syscall.SIGKILL) // unless it has ended
				p.Wait()
			}
			r := from(c, store, ref, "sh", "-c", "wc -c <one; wc -c <two; cat three; echo; ls empty").Run()
			if got, want := r.Output(), "500000\n500001\n3"; got != want {
				t.Errorf("after two pulls that were killed, the image holds %q, want %q\n%s", got, want, r)
			}
			left, _ := filepath.Glob(store + "/*/new/*")
			more, _ := filepath.Glob(store + "/*/containers/*")
			if left = append(left, more...); len(left) > 0 {
				t.Errorf("the store holds %v when nothing runs any more", left)
			}
		}
	})
}

// Runs in a row and at once, a third of them killed at random instants, leave
// nothing: the harness compares the host, and no container's directory is left.
func TestStoreManyRuns(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		run := func(seed int64) {
			random := rand.New(rand.NewSource(seed))
			if random.Intn(3) > 0 {
				if got := c.Run("sh", "-c", "echo x >/file; cat /file").Output(); got != "x" {
					t.Errorf("a run among many printed %q", got)
				}
				return
			}
			p := c.Command("sleep", "1000").Start()
			time.Sleep(time.Duration(random.Intn(120)) * time.Millisecond)
			p.Signal(syscall.SIGKILL)
			p.Wait()
		}
		c.Run("true").Want(0) // has the image in the store
		for i := range harness.Scaled(6) {
			run(int64(i))
		}
		var all sync.WaitGroup
		for i := range min(harness.Scaled(6), 30) {
			all.Go(func() { run(int64(i)) })
		}
		all.Wait()
		c.Run("true").Want(0)
	})
}

// What is damaged in a store is made anew, and does not keep it from being listed or
// cleared.
func TestStoreDamaged(t *testing.T) {
	ref := newRegistry(t).push(t, "hello", labImage(t, []entry{file("hello", "hello\n")}))
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		run := func(what string) {
			t.Helper()
			if got := from(c, store, ref, "cat", "/hello").Run().Output(); got != "hello" {
				t.Errorf("with %s damaged, the image printed %q", what, got)
			}
		}
		run("nothing")
		for _, damage := range []string{"refs/*", "idmap", "chains/*/layer.json", "chains/*/tree"} {
			files, _ := filepath.Glob(filepath.Join(store, "*", damage))
			if len(files) == 0 {
				t.Fatalf("the store has no %s", damage)
			}
			for _, path := range files {
				err := os.WriteFile(path, []byte(`{"Re`), 0o600)
				switch filepath.Base(path) {
				case "layer.json":
					err = os.Remove(path)
				case "tree":
					err = os.Rename(path, path+".away")
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if damage == "refs/*" {
				with(c, []string{"--store=" + store, "--images", "--prune"}).Run().Want(0)
			}
			run(damage)
		}
	}, harness.Root, harness.User)
}

// What janitors cannot clear, as they were killed too, the next run does: also a
// container that goes on because its death signal was cleared.
func TestStoreSweep(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		p := c.Command("sh", "-c", "mkdir -m 0 /closed; exec sleep 1000").Start()
		sleep := p.AwaitCommand("sleep")
		dirs, _ := filepath.Glob(c.Store() + "/*/containers/*")
		if len(dirs) != 1 {
			t.Fatalf("while a container runs, the store has these for containers: %v", dirs)
		}
		killJanitors(p, true)
		p.Signal(syscall.SIGKILL)
		p.Wait()
		gone(t, sleep)
		if !exists(dirs[0]) {
			t.Errorf("%s is gone without a janitor", dirs[0])
		}
		c.Run("true").Want(0)
		if exists(dirs[0]) {
			t.Errorf("%s of a dead container is still there after the next run", dirs[0])
		}
	})
}

// A dead container's notes may be half written, or of another boot, when its first
// process had a number that is somebody else's by now. And whose id map it had does
// not matter.
func TestStoreSweepNotes(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		run := func(flags ...string) {
			with(c, append([]string{"--store=" + store}, flags...), "true").Run().Want(0)
		}
		run("--userns")
		maps, _ := filepath.Glob(store + "/*/containers")
		bystander := c.Command("sleep", "1000").Start()
		bystander.AwaitCommand("sleep")
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", bystander.Pid()))
		if err != nil {
			t.Fatal(err)
		}
		started := strings.Fields(string(stat))[21]
		writeFile(t, filepath.Join(store, "not a store"), "")
		for i, note := range []map[string]string{
			{"cgroup": ""}, {"pid1": ""}, {"layers": ""}, {"cgroup": "/nothing-of-ours"},
			{"pid1": fmt.Sprintf("%d 01234567-89ab-cdef-0123-456789abcdef %s", bystander.Pid(), started)},
		} {
			dir := filepath.Join(maps[0], fmt.Sprint("dead", i))
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, content := range note {
				writeFile(t, filepath.Join(dir, name), content)
				c.Identity.Give(t, filepath.Join(dir, name))
			}
			c.Identity.Give(t, dir)
		}
		run()
		left, _ := filepath.Glob(maps[0] + "/dead*")
		if len(left) != 1 || filepath.Base(left[0]) != "dead3" {
			t.Errorf("the next run should have cleared all but dead3, whose control group is not one of ours; there are %q", left)
		}
		if state, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", bystander.Pid())); !strings.Contains(string(state), ") S ") {
			t.Errorf("a process of this boot was killed, that had the number of another boot's: %q", state)
		}
		bystander.Signal(syscall.SIGTERM)
		bystander.Wait()
	}, harness.Root, harness.User)
}

// --images lists them. --prune removes layers that no image has any more, and
// with =all the images that no container is one of, whoever owns their files.
func TestStoreImagesAndPrune(t *testing.T) {
	registry := newRegistry(t)
	first := labImage(t, []entry{{tar.Header{Name: "secret/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: ownerIn, Gid: ownerIn}, ""}, file("version", "1")})
	second := labImage(t, []entry{file("version", "2")})
	ref := registry.push(t, "hello", first)
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		registry.push(t, "hello", first)
		// Its name is no pattern.
		store := filepath.Join(c.NewStore(), "a[bc]*")
		house := func(flags ...string) string {
			r := with(c, append([]string{"--store=" + store}, flags...)).Run().Want(0)
			return r.Stdout + r.Stderr
		}
		layers := func() int {
			found, _ := filepath.Glob(strings.NewReplacer("[", `\[`, "*", `\*`).Replace(store) + "/*/chains/*/tree")
			return len(found)
		}
		from(c, store, ref, "true").Run().Want(0)
		if list := house("--images"); !strings.Contains(list, ref) || !strings.Contains(list, "MB") {
			t.Errorf("--images does not list %s with its size:\n%s", ref, list)
		}
		house("--prune")
		if n := layers(); n != 2 {
			t.Errorf("--prune left %d layers of an image that has 2", n)
		}
		registry.push(t, "hello", second)
		cmd := from(c, store, ref, "true")
		cmd.Flags = append(cmd.Flags, "--pull=always")
		cmd.Run().Want(0)
		if said := house("--prune"); layers() != 2 || !strings.Contains(said, "removed 1 layer") {
			t.Errorf("--prune should remove the layer of the replaced image; there are %d:\n%s", layers(), said)
		}
		// A container's layers are in use as long as it runs.
		p, release := from(c, store, ref, "sh", "-c", "echo ready; read line; cat /version").StartHeld()
		p.Await("ready")
		house("--prune=all")
		release()
		if got := p.Wait().Output(); got != "ready\n2" {
			t.Errorf("after --prune=all a container that ran at the time printed %q", got)
		}
		house("--prune=all")
		if n := layers(); n != 0 || strings.Contains(house("--images"), ref) {
			t.Errorf("--prune=all left %d layers", n)
		}
		if left := tree(store); slices.ContainsFunc(left, func(path string) bool { return strings.Contains(path, "version") }) {
			t.Errorf("--prune=all left files: %v", left)
		}
		from(c, store, ref, "true").Run().Want(0)
	})
}

// ownerIn is an ordinary user's id in images.
const ownerIn = 33

// Files have their owners in the container, whatever these are on the host; with a
// single id all are root's. Runs with and without a user namespace share a store and
// do not see each other's layers.
func TestStoreOwners(t *testing.T) {
	img := labImage(t, []entry{
		{tar.Header{Name: "www/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: ownerIn, Gid: ownerIn + 1}, ""},
		{tar.Header{Name: "www/page", Mode: 0o640, Uid: ownerIn, Gid: ownerIn + 1}, "page"},
		{tar.Header{Name: "su", Mode: 0o4755}, "su"},
	})
	ref := newRegistry(t).push(t, "owners", img)
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		for _, flags := range [][]string{nil, {"--userns"}, nil} {
			cmd := from(c, store, ref, "sh", "-c", "for f in www www/page su; do ls -lnd $f; done | while read m l u g rest; do echo $m $u $g; done; cat www/page")
			cmd.Flags = append(cmd.Flags, flags...)
			want := "drwxr-x--- 33 34\n-rw-r----- 33 34\n-rwsr-xr-x 0 0\npage"
			got := cmd.Run().Output()
			if c.Identity.Name == harness.User && !strings.Contains(got, " 33 ") {
				want = "drwxr-x--- 0 0\n-rw-r----- 0 0\n-rwsr-xr-x 0 0\npage"
			}
			if got != want {
				t.Errorf("with %q the files have modes and owners\n%s\nwant\n%s", flags, got, want)
			}
		}
	}, harness.Root, harness.User, harness.UserSubIDs)
}

// Layers lie over each other as the image specification says, whichever way the
// store keeps them.
func TestStoreLayers(t *testing.T) {
	dir := func(name string, mode int64) entry {
		return entry{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode}, ""}
	}
	img := labImage(t,
		[]entry{dir("./", 0o711), dir("opaque/below", 0o710), file("gone", "1"), file("kept", "1"), file("changed", "1"),
			dir("opaque", 0o755), file("opaque/old", "1"), dir("merged", 0o700), file("merged/old", "1"),
			dir("again", 0o755), file("again/old", "1"), dir("tofile", 0o755), file("tofile/old", "1"),
			dir("deep", 0o750), dir("deep/er", 0o701), file("deep/er/old", "1"), dir("hidden", 0o700), file("hidden/old", "1")},
		[]entry{file(".wh.gone", ""), file("changed", "2"),
			file("opaque/.wh..wh..opq", ""), file("opaque/new", "2"), file("merged/new", "2"),
			file(".wh.again", ""), dir("again", 0o755), file("again/new", "2"),
			file("tofile", "2"), file("deep/er/new", "2"),
			file(".wh.hidden", ""), file("hidden/new", "2")},
		[]entry{file("twice", "3"), file("hidden/new", "3"), file("opaque/below/new", "3")},
		[]entry{file("twice", "4")},
		[]entry{file("twice", "3")},
		[]entry{file("deep/er/newer", "5"), file("merged/.wh.old", "")})
	ref := newRegistry(t).push(t, "layers", img)
	want := strings.Join([]string{
		"again: new", "changed: 2", "deep/er: new newer old", "gone: none", "hidden: new", "kept: 1",
		"merged: new", "opaque: below new", "tofile: 2", "twice: 3",
		"drwx--x--x /", "drwx------ merged", "drwxr-x--- deep", "drwx-----x deep/er", "drwxr-xr-x hidden", "drwxr-xr-x opaque/below",
	}, "\n")
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		cmd := from(c, c.NewStore(), ref, "sh", "-c", `
			for f in again changed deep/er gone hidden kept merged opaque tofile twice; do
				if [ -d $f ]; then echo $f: $(ls $f); elif [ -e $f ]; then echo $f: $(cat $f); else echo $f: none; fi
			done
			for d in / merged deep deep/er hidden opaque/below; do ls -ld $d; done | while read m l u g s month day time name; do echo $m $name; done`)
		for _, under := range [][]string{nil, {"unshare", "-r"}} {
			// Whoever is root of a user namespace is not the machine's root either.
			if cmd.Under = under; under != nil && c.Identity.Name != harness.User {
				continue
			}
			if got := cmd.Run().Output(); got != want {
				t.Errorf("under %q, layers over each other are\n%s\nwant\n%s", under, got, want)
			}
		}
	})
}

// Where the store is on an overlayfs, as in a container, what a container writes is
// kept in memory instead, and a line says so.
func TestStoreOnOverlay(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		dir := c.NewStore()
		xattr := ""
		if c.Identity.IsUser() {
			xattr = "userxattr,"
		}
		script := fmt.Sprintf(`cd %s && mkdir lower upper work merged &&
			mount -t overlay overlay -o %slowerdir=lower,upperdir=upper,workdir=work merged && exec "$@"`, dir, xattr)
		cmd := with(c, []string{"--store=" + dir + "/merged/store"}, "sh", "-c", "echo written >/etc/file; cat /etc/file; rm /etc/passwd")
		cmd.Under = append(c.Unshare("-m"), "sh", "-c", script, "sh")
		r := cmd.Run()
		if got := r.Output(); got != "written" || strings.Count(r.Stderr, "kept in memory") != 1 {
			t.Errorf("with its store on an overlayfs it printed %q, and should say, once, that what is written is kept in memory\n%s", got, r)
		}
		// Who removes it is not root of the namespace that it was made in.
		if err := os.RemoveAll(dir + "/work"); err != nil {
			t.Log(err)
		}
	}, harness.Root, harness.User)
}
