package tests

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/tests/harness"
)

// What lesson 6 shows of an image is what lesson 5 unpacks of it, to the last
// attribute. All odd layers are in one image, each case in a directory of its own.
func TestLayersAreLesson5s(t *testing.T) {
	cases := oddLayers()
	var layers [][]item
	for i, name := range slices.Sorted(maps.Keys(cases)) {
		dir := fmt.Sprintf("cases/%02d %s", i, strings.ReplaceAll(name, "/", ":"))
		for n, items := range cases[name] {
			if n == len(layers) {
				layers = append(layers, nil)
			}
			if n == 0 {
				layers[0] = append(layers[0], dirAt(dir))
			}
			for _, i := range items {
				layers[n] = append(layers[n], i.under(dir))
			}
		}
	}
	if len(cases) < 60 {
		t.Fatalf("the table has %d cases", len(cases))
	}
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	sameTrees(t, "cases", append([]v1.Layer{lab}, itemLayers(t, layers)...)...)
}

// An image can hide all of the layers below, and say something of "/" itself.
func TestLayersAtTheRoot(t *testing.T) {
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	base := []item{dirAt(".").mode(0o700).at(1).xattr("user.gone", "1"), dirAt("old").at(2), fileAt("old/f", "f"), fileAt("both/f", "1")}
	places := []item{dirAt("proc"), dirAt("sys"), dirAt("dev"), fileAt("etc/hosts", ""), fileAt("etc/hostname", ""), fileAt("etc/resolv.conf", "")}
	for name, layers := range map[string][][]item{
		"opaque":      {base, {hide(".wh..wh..opq"), fileAt("both/f", "2")}, places},
		"opaque last": {base, {fileAt("both/g", "2"), hide(".wh..wh..opq")}, places},
		"entry":       {base, {dirAt(".").mode(0o1711).at(42).xattr("user.new", "2"), hide("old/.wh.f")}, places},
	} {
		t.Run(name, func(t *testing.T) {
			sameTrees(t, "", append(itemLayers(t, layers), lab)...)
		})
	}
}

// Lesson 6 refuses what lesson 5 refuses, in the same words, and keeps nothing.
func TestLayersRefused(t *testing.T) {
	cases := refusedLayers()
	registry := newRegistry(t)
	lesson5 := harness.Build(t, "05-oci-pull")
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		for i, name := range slices.Sorted(maps.Keys(cases)) {
			ref := registry.push(t, fmt.Sprint("refused", i), newImage(t, "", itemLayers(t, cases[name])...))
			output, err := c.InUserNS(os.Getpid(), lesson5, "--image="+ref, "--output="+filepath.Join(c.Dir(), "flat")).CombinedOutput()
			_, words, refused := strings.Cut(string(output), ref)
			if err == nil || !refused {
				t.Fatalf("%s: lesson 5 said %v\n%s", name, err, output)
			}
			if r := from(c, store, ref, "true").Run().Want(125); !strings.Contains(r.Stderr, words) {
				t.Errorf("%s: lesson 5 says%sand lesson 6 should say the same\n%s", name, words, r)
			}
		}
		if left, _ := filepath.Glob(store + "/*/[cnf]*/*"); len(left) > 0 && !strings.Contains(left[0], "/containers/") {
			t.Errorf("of images that were refused the store keeps %q", left)
		}
	}, harness.Root)
}

func itemLayers(t *testing.T, layers [][]item) (made []v1.Layer) {
	for _, items := range layers {
		made = append(made, itemLayer(t, items...))
	}
	return made
}

// sameTrees runs an image with lesson 6, unpacks it with lesson 5 in the user
// namespace of that container, and compares the trees below dir.
func sameTrees(t *testing.T, dir string, layers ...v1.Layer) {
	t.Helper()
	img, err := mutate.Config(newImage(t, "", layers...), v1.Config{Cmd: []string{"/bin/sh"}})
	if err != nil {
		t.Fatal(err)
	}
	ref := newRegistry(t).push(t, "odd", img)
	lesson5 := harness.Build(t, "05-oci-pull")
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		p, release := from(c, c.NewStore(), ref, "sh", "-c", "echo ready; read line; exec sleep 0").StartHeld()
		p.Await("ready")
		pid := p.AwaitCommand("sh")
		above := c.Dir()
		flat := filepath.Join(above, "flat")
		if c.Identity.Name == harness.RootUserNS {
			own(t, above, pid)
		}
		cmd := c.InUserNS(pid, lesson5, "--image="+ref, "--output="+flat)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil {
			t.Fatalf("lesson 5 in the container's user namespace: %v\n%s", err, said.String())
		}
		defer unpack.RemoveAll(flat)
		want := describeTree(t, filepath.Join(flat, dir))
		got := describeTree(t, filepath.Join(fmt.Sprintf("/proc/%d/root", pid), dir))
		different := 0
		for _, name := range slices.Sorted(maps.Keys(merged(want, got))) {
			if want[name] != got[name] {
				if different++; different <= 20 {
					t.Errorf("%q differs\n  lesson 5 unpacks %s\n  lesson 6 shows   %s", name, orNothing(want[name]), orNothing(got[name]))
				}
			}
		}
		if len(want) < 20 {
			t.Errorf("only %d files were compared", len(want))
		}
		release()
		p.Wait()
	})
}

// own gives a directory to the root of a process's user namespace.
func own(t *testing.T, dir string, pid int) {
	t.Helper()
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if err := os.Chown(dir, int(st.Uid), int(st.Gid)); err != nil {
		t.Fatal(err)
	}
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
