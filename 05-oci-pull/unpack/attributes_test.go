package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestModesAreExactWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	b := rootfs(t)
	for _, mode := range []int64{0o777, 0o666, 0o000, 0o4755, 0o2755, 0o6711, 0o1644} {
		b.layer(fileAt("f", "x").mode(mode), fifoAt("p").mode(mode), dirAt("d").mode(mode|0o700))
		for _, name := range []string{"f", "p"} {
			if got := b.stat(name).Mode & 0o7777; got != uint32(mode) {
				t.Errorf("%s has mode %o, not %o", name, got, mode)
			}
		}
		if got := b.stat("d").Mode & 0o7777; got != uint32(mode|0o700) {
			t.Errorf("d has mode %o, not %o", got, mode|0o700)
		}
	}
}

func TestDirectoriesStayUsableWhereOwnersAreNotKept(t *testing.T) {
	b := newBox(t, Options{})
	b.layer(dirAt("d").mode(0o055), fileAt("d/f", "1").mode(0))
	b.layer(dirAt("d").mode(0o2000), fileAt("d/f", "2").mode(0o111))
	if got := b.stat("d").Mode & 0o7777; got != 0o2700 {
		t.Errorf("the directory has mode %o", got)
	}
	if got := b.stat("d/f").Mode & 0o7777; got != 0o111 {
		t.Errorf("the file has mode %o", got)
	}
}

func TestDirectoryModesAreExactWhereOwnersAreKept(t *testing.T) {
	needRoot(t)
	b := rootfs(t)
	b.layer(dirAt("d").mode(0), fileAt("d/f", "1"))
	if got := b.stat("d").Mode & 0o7777; got != 0 {
		t.Errorf("the directory has mode %o", got)
	}
}

func owned(i item, uid, gid int) item { i.Uid, i.Gid = uid, gid; return i }

// capability is cap_net_raw, permitted.
const capability = "\x00\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestOwnersAreKeptWithSetuidBitsAndCapabilities(t *testing.T) {
	needRoot(t)
	b := rootfs(t)
	b.layer(
		owned(dirAt("d"), 10, 20), owned(symlinkAt("s", "f"), 11, 21), owned(fifoAt("p"), 12, 22),
		owned(fileAt("f", "x").mode(0o6755).xattr("security.capability", capability), 13, 23),
		owned(fileAt("big", ""), math.MaxUint32-1, math.MaxUint32-1),
	)
	for name, want := range map[string][2]uint32{"d": {10, 20}, "s": {11, 21}, "p": {12, 22}, "f": {13, 23}, "big": {math.MaxUint32 - 1, math.MaxUint32 - 1}} {
		if st := b.stat(name); st.Uid != want[0] || st.Gid != want[1] {
			t.Errorf("%s belongs to %d:%d, not %v", name, st.Uid, st.Gid, want)
		}
	}
	if mode := b.stat("f").Mode & 0o7777; mode != 0o6755 {
		t.Errorf("the setuid file has mode %o", mode)
	}
	if got := b.xattr("f", "security.capability"); got != capability {
		t.Errorf("the file capabilities are %q", got)
	}
}

func TestEverythingBelongsToTheCallerOtherwise(t *testing.T) {
	b := newBox(t, Options{})
	b.layer(owned(dirAt("d"), 10, 20), owned(symlinkAt("s", "f"), 11, 21), owned(fileAt("f", "x").mode(0o4755), 13, 23))
	for _, name := range []string{"d", "s", "f"} {
		if st := b.stat(name); int(st.Uid) != os.Getuid() || int(st.Gid) != os.Getgid() {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
	}
	if mode := b.stat("f").Mode & 0o7777; mode != 0o4755 {
		t.Errorf("the file has mode %o", mode)
	}
}

func TestOwnerOutOfRangeIsAnError(t *testing.T) {
	for _, o := range []Options{{Owners: PreservesOwners()}, {}} {
		b := newBox(t, o)
		for _, ids := range [][2]int{{math.MaxUint32, 0}, {0, math.MaxUint32}, {1 << 40, 0}, {0, -1}, {-5, 0}} {
			i := owned(fileAt("f", ""), ids[0], ids[1])
			if ids[0] < 0 || ids[1] < 0 {
				i.Format = tar.FormatGNU
				i.ModTime = someTime.Truncate(time.Second)
			}
			b.refuses("out of range", i)
		}
		b.has()
	}
}

func TestTimes(t *testing.T) {
	b := rootfs(t)
	read := time.Unix(1111111111, 7)
	f, old := fileAt("d/f", "x"), fileAt("d/old", "")
	f.AccessTime = read
	old.ModTime = time.Unix(-1000, 500)
	b.layer(fileAt("d/first", ""), dirAt("d"), f, symlinkAt("d/s", "f"), fifoAt("d/p"), old, linkAt("d/h", "d/old"), fileAt("d/gone", ""))
	want := func(name string, atime, mtime time.Time) {
		t.Helper()
		st := b.stat(name)
		if got := time.Unix(st.Mtim.Unix()); !got.Equal(mtime) {
			t.Errorf("%s was modified %v, not %v", name, got, mtime)
		}
		if got := time.Unix(st.Atim.Unix()); !got.Equal(atime) {
			t.Errorf("%s was read %v, not %v", name, got, atime)
		}
	}
	for _, name := range []string{"d", "d/s", "d/p", "d/first"} {
		want(name, someTime, someTime)
	}
	want("d/f", read, someTime)
	want("d/old", old.ModTime, old.ModTime)

	// A layer that does not name the directory does not change its times.
	b.layer(hide("d/.wh.gone"), fileAt("d/f", "y"), fileAt("d/new/x", ""))
	if st := b.stat("d"); st.Mtim.Sec != someTime.Unix() {
		t.Errorf("the directory was modified %v", time.Unix(st.Mtim.Unix()))
	}
}

func TestTimesOfADirectoryThatIsReplacedInItsLayer(t *testing.T) {
	b := rootfs(t)
	other := dirAt("other")
	other.ModTime = time.Unix(1, 0)
	b.layer(dirAt("a"), fileAt("a/f", ""), dirAt("b"), dirAt("c/d"), dirAt("e"), other)
	b.layer(dirAt("a"), dirAt("b"), dirAt("c/d"), dirAt("e"),
		symlinkAt("a", b.outside), fileAt("b", ""), symlinkAt("c", b.outside), symlinkAt("e", "other"))
	b.has("a->"+b.outside, "b=", "c->"+b.outside, "e->other", "other/")
	if st := b.stat("other"); st.Mtim.Sec != 1 {
		t.Errorf("another directory, where the path leads now, was modified %v", time.Unix(st.Mtim.Unix()))
	}
}

func TestXattrs(t *testing.T) {
	b := rootfs(t)
	b.layer(
		fileAt("f", "x").mode(0o444).xattr("user.note", "a\x00b").xattr("user.overlay.opaque", "y").xattr("user.overlay.redirect", "/etc"),
		dirAt("d").mode(0o555).xattr("user.note", "dir").xattr("user.overlay.opaque", "y").xattr("user.overlayer", "z"),
	)
	if b.xattr("f", "user.note") == unix.ENOTSUP.Error() {
		t.Skip("the temporary directory holds no extended attributes: set TMPDIR")
	}
	for _, c := range [][3]string{
		{"f", "user.note", "a\x00b"},
		{"d", "user.note", "dir"},
		{"d", "user.overlayer", "z"},
		{"f", "user.overlay.opaque", unix.ENODATA.Error()},
		{"f", "user.overlay.redirect", unix.ENODATA.Error()},
		{"d", "user.overlay.opaque", unix.ENODATA.Error()},
	} {
		if got := b.xattr(c[0], c[1]); got != c[2] {
			t.Errorf("%s of %s is %q, not %q", c[1], c[0], got, c[2])
		}
	}
}

func TestOverlayXattrsAreDroppedForRootToo(t *testing.T) {
	needRoot(t)
	b := rootfs(t)
	b.layer(dirAt("d").xattr("trusted.overlay.opaque", "y").xattr("trusted.note", "x"))
	if got := b.xattr("d", "trusted.overlay.opaque"); got != unix.ENODATA.Error() {
		t.Errorf("trusted.overlay.opaque is %q", got)
	}
	if got := b.xattr("d", "trusted.note"); got != "x" {
		t.Errorf("trusted.note is %q", got)
	}
}

func TestXattrsThatCannotBeSetAreLeftOut(t *testing.T) {
	b := newBox(t, Options{})
	b.layer(fileAt("f", "x").xattr("trusted.note", "x").xattr("security.capability", capability), symlinkAt("s", "f").xattr("user.note", "x"))
	b.has("f=x", "s->f")
}

func TestAttributesOfASymlinkAreItsOwn(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f", "x"))
	before := b.stat("f")
	s := symlinkAt("s", "f").mode(0o7777).xattr("user.note", "x")
	s.ModTime = time.Unix(1, 0)
	if PreservesOwners() {
		s.Uid, s.Gid = 77, 77
	}
	b.layer(s)
	if after := b.stat("f"); after != before {
		t.Errorf("the symlink's target changed from %+v to %+v", before, after)
	}
	if got := b.xattr("f", "user.note"); got != unix.ENODATA.Error() && got != unix.ENOTSUP.Error() {
		t.Errorf("the symlink's target has the attribute: %s", got)
	}
}

// TestOwnersInAUserNamespace runs tests of this package again, as the only user of
// a user namespace.
func TestOwnersInAUserNamespace(t *testing.T) {
	if os.Getenv("container") != "" {
		t.Skip("this is the namespace")
	}
	if PreservesOwners() != (os.Geteuid() == 0) {
		t.Skip("a user namespace already")
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.Command(unshare, "-r", "true").Run() != nil {
		t.Skip("needs unshare (util-linux) and user namespaces")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(unshare, "-r", self, "-test.run", "Owner|Device|Xattr|Mode|RemoveAll")
	c.Env = append(os.Environ(), "container=unshare")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOwnersAreNotKeptInANamespaceOfOneUser(t *testing.T) {
	if os.Getenv("container") != "unshare" {
		t.Skip("run by TestOwnersInAUserNamespace")
	}
	if PreservesOwners() {
		t.Error("PreservesOwners says yes")
	}
	b := newBox(t, Options{Owners: true})
	b.layer(dirAt("dev"), deviceAt("dev/null", 1, 3)) // root here may not make it
	b.has("dev/")
	err := b.Apply(context.Background(), bytes.NewReader(archive(t, owned(fileAt("f", ""), 5, 6))))
	if want := `layer entry "f": fchownat 5:6 /f: invalid argument`; err == nil || err.Error() != want {
		t.Errorf("Apply said %v, not %s", err, want)
	}
}
