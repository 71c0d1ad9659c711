package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Layers in overlay form, put over each other by the kernel, are the same tree as
// layers applied to one directory.
func TestOverlayIsTheSameTree(t *testing.T) {
	enterMountNamespace(t)
	for seed := range int64(50) {
		layers := randomLayers(rand.New(rand.NewSource(seed)))
		flat, err := unpackInto(t, Options{Owners: true}, layers)
		if errors.Is(err, unix.ENOTDIR) {
			continue // a file below a file: in one directory that cannot be
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, told(layers))
		}
		var lower []string
		for _, l := range layers {
			dir, err := unpackInto(t, Options{Owners: true, Overlay: "trusted.overlay.opaque"}, [][]item{l})
			if err != nil {
				t.Fatalf("%v in\n%s", err, told([][]item{l}))
			}
			lower = append(lower, dir)
		}
		lower = append(lower, t.TempDir()) // overlayfs wants two at least
		slices.Reverse(lower[:len(lower)-1])
		merged := t.TempDir()
		if err := unix.Mount("overlay", merged, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(lower, ":")); err != nil {
			t.Fatalf("mount overlay: %v", err)
		}
		want, got := describe(t, flat), describe(t, merged)
		if err := unix.Unmount(merged, 0); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("seed %d: layers\n%s\nover each other are\n%s\nand in one directory\n%s", seed, told(layers), got, want)
		}
	}
}

// enterMountNamespace has this test mount things that nobody else sees.
func enterMountNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // and never unlock: the thread is not for others
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Skipf("needs root: unshare: %v", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	probe := t.TempDir()
	err := unix.Mount("overlay", probe, "overlay", unix.MS_RDONLY, "lowerdir="+t.TempDir()+":"+t.TempDir())
	if err != nil {
		t.Skipf("needs overlayfs: %v", err)
	}
	if err := unix.Unmount(probe, 0); err != nil {
		t.Fatal(err)
	}
}

func unpackInto(t *testing.T, o Options, layers [][]item) (string, error) {
	t.Helper()
	dir := t.TempDir()
	r, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, l := range layers {
		if err := r.Apply(context.Background(), bytes.NewReader(archive(t, l...))); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// randomLayers are of few names, so that much meets. No layer has a name twice, and
// none hides something in a directory that it does not name: where that is a file
// below, one layer alone cannot know.
func randomLayers(random *rand.Rand) [][]item {
	var layers [][]item
	for n := range 1 + random.Intn(4) {
		var l []item
		var fill func(above string, named bool, depth int)
		fill = func(above string, named bool, depth int) {
			if named && random.Intn(8) == 0 && above != "" {
				l = append(l, hide(above+".wh..wh..opq"))
			}
			for _, base := range []string{"a", "b", "c"} {
				name := above + base
				switch kind := random.Intn(8); {
				case kind < 2 && depth < 3:
					named := random.Intn(3) > 0
					if named {
						l = append(l, dirAt(name))
					}
					if named && random.Intn(4) == 0 {
						l = append(l, hide(above+".wh."+base))
					}
					fill(name+"/", named, depth+1)
				case kind == 2:
					l = append(l, fileAt(name, fmt.Sprint(n)))
				case kind == 3:
					l = append(l, fifoAt(name))
				case kind == 4 && named:
					l = append(l, hide(above+".wh."+base))
				}
			}
		}
		fill("", true, 0)
		if random.Intn(2) == 0 {
			random.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
		}
		layers = append(layers, l)
	}
	return layers
}

// describe lists the files of a tree with their contents.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		// A layer that hides something in a directory has that directory, though there
		// may be none below, and nothing in it.
		if err != nil || d.IsDir() {
			return err
		}
		// A whiteout in a directory that no layer below has is listed by overlayfs,
		// and yet not there.
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		content := ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(data)
		}
		fmt.Fprintf(&b, "%s %s %s\n", strings.TrimPrefix(path, dir), d.Type(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func told(layers [][]item) string {
	var b strings.Builder
	for i, l := range layers {
		for _, e := range l {
			fmt.Fprintf(&b, "%d: %s\n", i, e.Name)
		}
	}
	return b.String()
}

// Below an opaque directory there is nothing to hide.
func TestOverlayOpaqueHasNoWhiteouts(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(dir, Options{Overlay: "user.overlay.opaque"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	layer := archive(t, hide("a/b/.wh.c"), fileAt("a/b/d", ""), hide("a/.wh..wh..opq"), hide("a/.wh.e"), hide(".wh.f"))
	if err := r.Apply(context.Background(), bytes.NewReader(layer)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a/b/c": false, "a/e": false, "a/b/d": true, "f": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
}

// What a layer says of directories, and of which it says nothing.
func TestOverlayDirectories(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(dir, Options{Overlay: "user.overlay.opaque"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	layer := archive(t, dirAt("said").mode(0o1711), fileAt("said/silent/file", ""), fileAt("later/file", ""), dirAt("later").mode(0o700),
		hide(".wh.gone"), hide(".wh.new"), fileAt("new/file", ""), hide("said/.wh..wh..opq"))
	if err := r.Apply(context.Background(), bytes.NewReader(layer)); err != nil {
		t.Fatal(err)
	}
	got, err := r.Directories()
	if err != nil {
		t.Fatal(err)
	}
	if said := got.Said; len(said) != 3 || said["/said"].Mode != 0o1711 || said["/later"].Mode != 0o700 || said["/new"] != MadeUp {
		t.Errorf("the layer says something of %v, want /said, /later and /new", said)
	}
	if silent := strings.Join(got.Silent, " "); silent != "/ /said/silent" {
		t.Errorf("the layer says nothing of %s, want / /said/silent", silent)
	}
	if hidden := strings.Join(got.Hidden, " "); hidden != "/gone /new/ /said/" {
		t.Errorf("the layer hides %s, want /gone /new/ /said/", hidden)
	}
}

// Layers in overlay form say the same of directories as layers applied to one
// directory show.
func TestOverlayAttributesOf(t *testing.T) {
	random := rand.New(rand.NewSource(0))
	all := [][][]item{
		{{dirAt("a")}, {hide(".wh.a")}, {fileAt("a/b", "")}},
		{{dirAt("a")}, {hide(".wh.a"), fileAt("a/b", "")}, {fileAt("a/c", "")}},
		{{dirAt("a")}, {fileAt("a/b", ""), hide(".wh.a")}, {fileAt("a/c", "")}},
		{{dirAt("a"), dirAt("a/b")}, {hide(".wh.a")}, {fileAt("a/b/c", "")}},
		{{dirAt("a"), dirAt("a/b")}, {hide("a/.wh..wh..opq")}, {fileAt("a/b/c", "")}},
		{{dirAt("a"), dirAt("a/b")}, {hide("a/.wh..wh..opq"), fileAt("a/b/c", "")}},
		{{dirAt("a"), dirAt("ab")}, {hide(".wh.a")}, {fileAt("ab/c", "")}},
	}
	for range 40 {
		all = append(all, randomLayers(random))
	}
	for _, layers := range all {
		for _, l := range layers {
			for i, e := range l {
				if e.Typeflag == tar.TypeDir {
					l[i] = e.mode(int64(0o700 + random.Intn(0o100)))
				}
			}
		}
		flat, err := unpackInto(t, Options{}, layers)
		if errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, told(layers))
		}
		var have []Directories
		for _, l := range layers {
			r, err := Open(t.TempDir(), Options{Overlay: "user.overlay.opaque"})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Apply(context.Background(), bytes.NewReader(archive(t, l...))); err != nil {
				t.Fatalf("%v in\n%s", err, told([][]item{l}))
			}
			said, err := r.Directories()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			have = append(have, said)
		}
		err = filepath.WalkDir(flat, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() || name == flat {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			inside := strings.TrimPrefix(name, flat)
			if got := AttributesOf(inside, have...).Mode; got != uint32(info.Mode().Perm()) {
				t.Fatalf("layers\n%s\nsay mode %o of %s; in one directory it has %o", told(layers), got, inside, info.Mode().Perm())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
