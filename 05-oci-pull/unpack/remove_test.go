package unpack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRemoveAllOpensLockedDirectories(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("a/b/c", ""), fileAt("a/empty/.keep", ""), hide("a/empty/.wh..wh..opq"))
	for _, name := range []string{"a/b", "a/empty", "a"} {
		if err := os.Chmod(filepath.Join(b.dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveAll(filepath.Join(b.dir, "a")); err != nil {
		t.Error(err)
	}
	b.has()
}

func TestRemoveAllFollowsNoSymlink(t *testing.T) {
	b := rootfs(t)
	b.layer(symlinkAt("a", b.outside), symlinkAt("d/b", b.outside+"/secret"), symlinkAt("d/c", "../../outside"))
	for _, name := range []string{"a", "d"} {
		if err := RemoveAll(filepath.Join(b.dir, name)); err != nil {
			t.Error(err)
		}
	}
	b.has()
}

func TestRemoveAllOfNothingIsFine(t *testing.T) {
	for _, name := range []string{"x", "x/y/z"} {
		if err := RemoveAll(filepath.Join(t.TempDir(), name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRemoveAllRefusesTheRoot(t *testing.T) {
	if err := RemoveAll("//"); err == nil {
		t.Error("no error")
	}
}

func TestRemoveAllSaysWhichFileIsInTheWay(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is in root's way")
	}
	top := t.TempDir()
	if err := os.MkdirAll(filepath.Join(top, "locked/d/e"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(top, "locked"), 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(top, "locked"), 0o700)
	err := RemoveAll(filepath.Join(top, "locked/d"))
	if want := "unlinkat " + top + "/locked/d: permission denied"; err == nil || err.Error() != want {
		t.Errorf("RemoveAll said %v, not %s", err, want)
	}
}

func TestRemoveAllLeavesMountsAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	b := rootfs(t)
	b.layer(dirAt("d/m"))
	mnt := filepath.Join(b.dir, "d/m")
	if err := unix.Mount(b.outside, mnt, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("mount: %v", err)
	}
	err := RemoveAll(filepath.Join(b.dir, "d"))
	if uerr := unix.Unmount(mnt, 0); uerr != nil {
		t.Fatal(uerr)
	}
	if err == nil || !strings.Contains(err.Error(), mnt) {
		t.Errorf("RemoveAll said %v", err)
	}
}

func TestDeepTreesNeedFewFileDescriptors(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = 64
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)

	// Each symlink leads to the end of the tree so far, past what one path can say.
	b := rootfs(t)
	deep := strings.Repeat("d/", 500)
	b.layer(fileAt(deep+"f", ""), symlinkAt("s0", deep))
	b.layer(fileAt("s0/"+deep+"f", ""), symlinkAt("s1", "s0/"+deep))
	b.layer(fileAt("s1/"+deep+"f", ""), symlinkAt("s2", "s1/"+deep))
	b.layer(fileAt("s2/"+deep+"f", ""), fileAt("d/x", ""), hide(".wh..wh..opq"))
	b.layer(hide(".wh.d"))
}
