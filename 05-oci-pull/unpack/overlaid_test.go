package unpack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOverlaidIsTheSameTree applies layers over each other in one directory, and
// each into an overlay mounted over those below, as lesson 6 does.
func TestOverlaidIsTheSameTree(t *testing.T) {
	needOverlay(t)
	for name, layers := range oddLayers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // mounts are waited for more than worked at
			flat, flatErr := applyFlat(t, layers)
			tree, err := applyOverlaid(t, layers)
			if flatErr != nil || err != nil {
				if fmt.Sprint(flatErr) != fmt.Sprint(err) {
					t.Errorf("in one directory: %v\nover an overlay: %v", flatErr, err)
				}
				return
			}
			if flat != tree {
				t.Errorf("in one directory\n%s\nover an overlay\n%s", flat, tree)
			}
		})
	}
}

// TestOverlaidInAUserNamespace is the same where overlayfs keeps its notes in user
// attributes, and nobody may make devices.
func TestOverlaidInAUserNamespace(t *testing.T) {
	if os.Getenv("container") != "" {
		t.Skip("this is the namespace")
	}
	if exec.Command("unshare", "-rm", "true").Run() != nil {
		t.Skip("needs unshare (util-linux) and user namespaces")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("unshare", "-rm", self, "-test.run", "^TestOverlaid(IsTheSameTree|Counts)")
	c.Env = append(os.Environ(), "container=unshare")
	if out, err := c.CombinedOutput(); err != nil || bytes.Contains(out, []byte("SKIP")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// rootTime is that of a rootfs that no layer has an entry for.
var rootTime = time.Unix(1e9, 0)

// removed makes a directory that is removed when the test ends.
func removed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chtimes(dir, rootTime, rootTime)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { RemoveAll(dir) })
	return dir
}

func applyFlat(t *testing.T, layers [][]item) (string, error) {
	dir := removed(t)
	r, err := Open(dir, Options{Owners: PreservesOwners()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, l := range layers {
		if err := r.Apply(context.Background(), bytes.NewReader(archive(t, l...))); err != nil {
			return "", err
		}
	}
	return tree(t, dir), nil
}

func applyOverlaid(t *testing.T, layers [][]item) (string, error) {
	var dirs, leftOut []string
	written := ""
	for i, l := range layers {
		dirs = append(dirs, removed(t))
		at := dirs[i]
		if i > 0 {
			sameRoot(t, dirs[i-1], at)
			var err error
			if at, err = overlay(t, removed(t), dirs...); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Open(at, Options{Owners: PreservesOwners(), LeftOut: leftOut})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Apply(context.Background(), bytes.NewReader(archive(t, l...))); err != nil {
			return "", err
		}
		leftOut, written = r.LeftOut(), at
	}
	merged, err := overlay(t, "", dirs...)
	if err != nil {
		t.Fatal(err)
	}
	got := tree(t, merged)
	if before := tree(t, written); withoutLinks(before) != withoutLinks(got) {
		t.Errorf("while it was written\n%s\nafterwards\n%s", before, got)
	}
	return got, nil
}

// withoutLinks leaves out which names are one file. Until it is mounted anew, an
// overlay shows different inode numbers for a file of a lower layer and a new link.
func withoutLinks(tree string) string { return regexp.MustCompile(" = .*").ReplaceAllString(tree, "") }

// sameRoot gives an upper directory the attributes of the root below.
func sameRoot(t *testing.T, from, to string) {
	var st unix.Stat_t
	err := unix.Stat(from, &st)
	err = errors.Join(err, unix.Chown(to, int(st.Uid), int(st.Gid)), unix.Chmod(to, st.Mode&0o7777),
		unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{st.Atim, st.Mtim}, 0))
	if err != nil {
		t.Fatal(err)
	}
}

// TestOverlaidCountsCopies: a small layer can fill a disk with the files of others.
func TestOverlaidCountsCopies(t *testing.T) {
	needOverlay(t)
	lower, upper := removed(t), removed(t)
	if err := os.WriteFile(filepath.Join(lower, "big"), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := overlay(t, removed(t), lower, upper)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{1004, 1005} {
		r, err := Open(at, Options{MaxBytes: limit})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		layer := archive(t, fileAt("own", "12345"), linkAt("a", "big"), linkAt("b", "big"), linkAt("c", "a"), linkAt("d", "own"))
		if err := r.Apply(context.Background(), bytes.NewReader(layer)); (err == nil) != (limit == 1005) || r.Unpacked() != 1005 {
			t.Errorf("limit %d: unpacked %d bytes, %v; want 1005", limit, r.Unpacked(), err)
		}
	}
}
