package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEveryTypeOfFile(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("d"), fileAt("d/f", "hello"), symlinkAt("d/s", "f"), linkAt("d/h", "d/f"), fifoAt("d/p"))
	b.has("d/", "d/f=hello", "d/s->f", "d/h=hello", "d/p|")
	if b.stat("d/f").Ino != b.stat("d/h").Ino {
		t.Error("the hard link is not the same file")
	}
}

func TestMissingParentsAreMade0755WhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	b := rootfs(t)
	b.layer(fileAt("a/b/c", "x"))
	b.has("a/", "a/b/", "a/b/c=x")
	for _, name := range []string{"a", "a/b"} {
		if mode := b.stat(name).Mode & 0o7777; mode != 0o755 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

func TestMissingParentsBelongToTheCaller(t *testing.T) {
	needRoot(t)
	b := rootfs(t)
	b.layer(owned(dirAt("shared").mode(0o2775), 5, 6), owned(fileAt("shared/a/b/c", "x"), 7, 8))
	for _, name := range []string{"shared/a", "shared/a/b"} {
		if st := b.stat(name); st.Mode&0o7777 != 0o755 || int(st.Uid) != os.Getuid() || int(st.Gid) != os.Getgid() {
			t.Errorf("%s has mode %o and belongs to %d:%d", name, st.Mode&0o7777, st.Uid, st.Gid)
		}
	}
}

func TestParentsPathMayLeadElsewhereAfterARemoval(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("a"), symlinkAt("a/self", "."))
	b.layer(fileAt("a/self/f", "1"), dirAt("a/self/self"), fileAt("a/self/g", "2"))
	b.has("a/", "a/f=1", "a/self/", "a/self/g=2")

	b = rootfs(t)
	b.layer(dirAt("a"), symlinkAt("a/self", "."))
	b.layer(fileAt("a/self/f", "1"), hide("a/self/.wh.self"), fileAt("a/self/g", "2"))
	b.has("a/", "a/f=1", "a/self/", "a/self/g=2")
}

func TestParentThatIsASymlinkIsResolvedInTheRootfs(t *testing.T) {
	for _, target := range []string{"/run", "../run", "../../../run", "/../run", "/var/../run/.", "run2"} {
		b := rootfs(t)
		b.layer(dirAt("run"), dirAt("var"), symlinkAt("var/run2", "/run"), symlinkAt("var/run", target))
		b.layer(fileAt("var/run/x", "1"))
		b.has("run/", "run/x=1", "var/", "var/run2->/run", "var/run->"+target)
	}
}

func TestParentThatIsASymlinkToNothingHasItsTargetMade(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("a/b"), symlinkAt("s", "a/b"), symlinkAt("a/b/run", "../up/./deep"), symlinkAt("two", "s/run"))
	b.layer(fileAt("two/x", "1"))
	b.has("a/", "a/b/", "a/b/run->../up/./deep", "a/up/", "a/up/deep/", "a/up/deep/x=1", "s->a/b", "two->s/run")
}

func TestParentThatCannotBeADirectoryIsAnError(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f", ""), symlinkAt("loop", "loop"), symlinkAt("m", "n/../m"), symlinkAt("tof", "f"))
	b.refuses(`layer entry "f/x": openat2 /f: not a directory`, fileAt("f/x", ""))
	b.refuses("openat2 /f/y: not a directory", fileAt("f/y/x", ""))
	b.refuses("not a directory", fileAt("tof/x", ""))
	b.refuses("too many levels of symbolic links", fileAt("loop/x", ""))
	b.refuses("too many levels of symbolic links", fileAt("m/x", ""))
	b.refuses("file name too long", fileAt(strings.Repeat("n", 256)+"/x", ""))
}

func TestDirectoryOverDirectoryKeepsContentsAndReplacesAttributes(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("d").xattr("user.old", "1"), fileAt("d/f", "1"))
	b.layer(dirAt("d").mode(0o1711).xattr("user.new", "2"))
	b.has("d/", "d/f=1")
	if mode := b.stat("d").Mode & 0o7777; mode != 0o1711 {
		t.Errorf("the mode is %o", mode)
	}
	if got := b.xattr("d", "user.old"); got != unix.ENODATA.Error() {
		t.Errorf("the attribute of the lower layer is still there: %s", got)
	}
	if got := b.xattr("d", "user.new"); got != "2" {
		t.Errorf("the attribute is %s", got)
	}
}

func TestAnythingElseReplacesWhatIsThere(t *testing.T) {
	kinds := map[string]func() item{
		"file=":     func() item { return fileAt("x", "new") },
		"dir/":      func() item { return dirAt("x") },
		"symlink->": func() item { return symlinkAt("x", "keep") },
		"link=":     func() item { return linkAt("x", "keep/f") },
		"fifo|":     func() item { return fifoAt("x") },
	}
	result := map[string]string{"file=": "x=new", "dir/": "x/", "symlink->": "x->keep", "link=": "x=kept", "fifo|": "x|"}
	for before, old := range kinds {
		for after, young := range kinds {
			b := rootfs(t)
			b.layer(dirAt("keep"), fileAt("keep/f", "kept"), old())
			if before == "dir/" {
				b.layer(fileAt("x/sub/f", "gone"))
			}
			b.layer(young())
			want := []string{"keep/", "keep/f=kept", result[after]}
			if before == "dir/" && after == "dir/" {
				want = append(want, "x/sub/", "x/sub/f=gone")
			}
			b.has(want...)
			if t.Failed() {
				t.Fatalf("after %s over %s", after, before)
			}
		}
	}
}

func TestRegularFileReplacesHardLinkNotTheSharedFile(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("a", "old"), linkAt("b", "a"))
	b.layer(fileAt("b", "new"))
	b.has("a=old", "b=new")
}

func TestHardLinkToItselfKeepsTheFile(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("d"), symlinkAt("s", "d"), fileAt("d/f", "1"))
	b.layer(linkAt("d/f", "d/f"), linkAt("d/f", "s/f"), linkAt("s/f", "/d/f"), linkAt("d/g", "d/f"), linkAt("d/g", "d/f"))
	b.has("d/", "d/f=1", "d/g=1", "s->d")
}

func TestHardLinkToASymlinkLinksTheSymlink(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f", "1"), symlinkAt("s", "f"), linkAt("h", "s"))
	b.layer(symlinkAt("gone", "nowhere"), linkAt("h2", "gone"), symlinkAt("root", "/"), linkAt("h3", "root"))
	b.has("f=1", "s->f", "h->f", "gone->nowhere", "h2->nowhere", "root->/", "h3->/")
	if b.stat("s").Ino != b.stat("h").Ino {
		t.Error("the hard link is not the same symlink")
	}
}

func TestHardLinkThatCannotBeIsAnError(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("d"), fileAt("f", ""))
	b.refuses(`layer entry "h": linkat /nothing: no such file or directory`, linkAt("h", "nothing"))
	b.refuses(`no such file or directory`, linkAt("h", "no/thing"))
	b.refuses(`layer entry "h": linkat /d: hard link to a directory`, linkAt("h", "d"))
	b.refuses(`hard link to a directory`, linkAt("h", "."))
	b.refuses(`hard link to a directory`, linkAt("d", "d"))
	b.has("d/", "f=")
}

func TestRootEntrySetsTheRootsAttributes(t *testing.T) {
	for _, name := range []string{"./", "/", ".", "a/.."} {
		b := rootfs(t)
		// A mode that would do no harm if a mistake gave it to the host's root.
		root := dirAt(name).mode(0o1775)
		root.Name = name
		b.layer(root, fileAt("f", ""))
		st := b.stat(".")
		if st.Mode&0o7777 != 0o1775 || st.Mtim.Sec != someTime.Unix() {
			t.Errorf("entry %q: mode %o, time %v", name, st.Mode, st.Mtim)
		}
	}
}

func TestRootEntryMustBeADirectory(t *testing.T) {
	b := rootfs(t)
	for _, i := range []item{symlinkAt(".", b.outside), fileAt("..", ""), linkAt("a/..", "f"), fifoAt("a/../..")} {
		b.refuses("the root must be a directory", i)
	}
}

func TestDevices(t *testing.T) {
	b := rootfs(t)
	b.layer(dirAt("dev"), fileAt("dev/null", "was a file"))
	b.layer(deviceAt("dev/null", 1, 3), linkAt("dev/zero", "dev/null"))
	var st unix.Stat_t
	err := unix.Lstat(filepath.Join(b.dir, "dev/null"), &st)
	switch {
	case err == nil:
		needRoot(t)
		if st.Mode != unix.S_IFCHR|0o755 || st.Rdev != unix.Mkdev(1, 3) {
			t.Errorf("the device has mode %o and number %x", st.Mode, st.Rdev)
		}
		if b.stat("dev/zero").Ino != st.Ino {
			t.Error("the hard link to the device is not the same file")
		}
	case os.Geteuid() == 0 && os.Getenv("container") == "":
		t.Errorf("root has not made the device: %v", err)
	default:
		b.has("dev/") // left out, and the file it replaces is gone
	}
}

func TestDevicesAreLeftOutWhereOwnersAre(t *testing.T) {
	b := newBox(t, Options{})
	b.layer(dirAt("dev"), fileAt("dev/null", "was a file"))
	b.layer(deviceAt("dev/null", 0, 0), linkAt("dev/zero", "dev/null"), linkAt("dev/one", "dev/zero"))
	b.has("dev/")
}

func TestErrorsAreOnePrintableLine(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f\n\x1b[31m", ""))
	b.refuses(`layer entry "f\n\x1b[31m/x": openat2 "/f\n\x1b[31m": not a directory`, fileAt("f\n\x1b[31m/x", ""))
	err := b.Apply(context.Background(), bytes.NewReader(archive(t, fileAt(strings.Repeat("long/", 100_000)+"x", ""))))
	if !errors.Is(err, unix.ENAMETOOLONG) || len(err.Error()) > 1000 {
		t.Errorf("Apply said %v", err)
	}
	err = b.Apply(context.Background(), bytes.NewReader(archive(t, fileAt("x", "").xattr("user.\n"+strings.Repeat("x", 1000), ""))))
	if err == nil || !strings.Contains(err.Error(), `lsetxattr "user.\nxxx`) || len(err.Error()) > 1000 {
		t.Errorf("Apply said %v", err)
	}
}

func TestUnknownTypeIsAnError(t *testing.T) {
	b := rootfs(t)
	b.refuses(`layer entry "x": unknown type 'Z'`, entryOf('Z', "x"))
}

func TestGlobalHeaderIsIgnored(t *testing.T) {
	b := rootfs(t)
	b.layer(item{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "c"}}}, fileAt("f", ""))
	b.has("f=")
}

func TestTruncatedLayerIsAnError(t *testing.T) {
	whole := archive(t, fileAt("a", strings.Repeat("x", 1000)))
	for n := 1; n < 3*512+1000; n += 256 - n%256 {
		if n == 1024 || n == 768 {
			continue // archive/tar calls this the end; the diff ID will not
		}
		b := rootfs(t)
		err := b.Apply(context.Background(), bytes.NewReader(whole[:n]))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d of %d bytes: %v", n, len(whole), err)
		}
		// Two blocks of PAX records and a header come before the contents.
		if n >= 3*512 && !strings.Contains(err.Error(), `layer entry "a"`) {
			t.Errorf("cut in the middle of a file: %v", err)
		}
	}
}

func TestLayerNeedsNoEndMarker(t *testing.T) {
	whole := archive(t, fileAt("a", ""))
	b := rootfs(t)
	if err := b.Apply(context.Background(), bytes.NewReader(whole[:len(whole)-1024])); err != nil {
		t.Error(err)
	}
	b.has("a=")
}

func TestLayerOfNoBytesIsEmpty(t *testing.T) {
	b := rootfs(t)
	if err := b.Apply(context.Background(), strings.NewReader("")); err != nil {
		t.Error(err)
	}
	b.layer()
	b.has()
}

func TestDamagedLayerIsAnError(t *testing.T) {
	b := rootfs(t)
	damaged := archive(t, fileAt("a", "1"))
	damaged[100] ^= 1
	if err := b.Apply(context.Background(), bytes.NewReader(damaged)); !errors.Is(err, tar.ErrHeader) {
		t.Errorf("Apply said %v", err)
	}
}

func TestApplyReadsToTheEndOfTheArchiveOnly(t *testing.T) {
	b := rootfs(t)
	stream := strings.NewReader(string(archive(t, fileAt("a", "1"))) + "rest")
	if err := b.Apply(context.Background(), stream); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(stream); string(rest) != "rest" {
		t.Errorf("Apply left %q", rest)
	}
}

// endless is a file that never ends, and says when it is being read.
type endless struct {
	head    io.Reader
	reading func()
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); err == nil {
		return n, nil
	}
	e.reading()
	clear(p)
	return len(p), nil
}

func TestCancelStopsInsideAFile(t *testing.T) {
	b := rootfs(t)
	var buf bytes.Buffer
	big := fileAt("big", "")
	big.Size = 1 << 60
	if err := tar.NewWriter(&buf).WriteHeader(&big.Header); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := b.Apply(ctx, &endless{&buf, cancel}); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply said %v", err)
	}
}

func TestCancelStopsInsideAHole(t *testing.T) {
	b := rootfs(t)
	ctx, cancel := context.WithCancel(context.Background())
	l := layer{Rootfs: b.Rootfs, ctx: ctx}
	fd, err := unix.Open(b.dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Skipf("O_TMPFILE: %v", err)
	}
	defer unix.Close(fd)
	err = l.copy(fd, "hole", &endless{strings.NewReader(""), cancel})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("copy said %v", err)
	}
}

func TestCancelledBeforeItStarts(t *testing.T) {
	b := rootfs(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Apply(ctx, bytes.NewReader(archive(t, fileAt("f", "")))); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply said %v", err)
	}
	b.has()
}

func TestSparseFileStaysSparse(t *testing.T) {
	// A GNU sparse header: 1 GiB of nothing, then "end".
	const hole = 1 << 30
	h := make([]byte, 512)
	copy(h, "sparse")
	copy(h[100:], fmt.Sprintf("0000644\x00%07o\x00%07o\x00%011o\x00%011o\x00        S", os.Getuid(), os.Getgid(), 3, 0))
	copy(h[257:], "ustar  \x00")
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", hole, 3))
	copy(h[483:], fmt.Sprintf("%011o\x00", hole+3))
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00", sum))
	stream := append(append(h, "end"...), make([]byte, 509+1024)...)

	b := rootfs(t)
	if err := b.Apply(context.Background(), bytes.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	if st := b.stat("sparse"); st.Size != hole+3 || st.Blocks*512 > hole/100 {
		t.Errorf("size %d in %d bytes on disk", st.Size, st.Blocks*512)
	}
}

func TestContentsOfAllSizes(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 256 << 10, 256<<10 + 1, 512 << 10, 1<<20 - 1} {
		for name, body := range map[string]string{
			"zeros": strings.Repeat("\x00", size),
			"text":  strings.Repeat("x", size),
			"tail":  strings.Repeat("x", size) + strings.Repeat("\x00", 256<<10),
			"head":  strings.Repeat("\x00", size) + "x",
		} {
			b := rootfs(t)
			b.layer(fileAt("f", body))
			got, err := os.ReadFile(filepath.Join(b.dir, "f"))
			if err != nil || string(got) != body {
				t.Errorf("%s %d: read %d bytes, %v; should be %d", name, size, len(got), err, len(body))
			}
		}
	}
}

func TestOpenNeedsADirectory(t *testing.T) {
	for _, name := range []string{"nothing", "file"} {
		p := filepath.Join(t.TempDir(), name)
		if name == "file" {
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := Open(p, Options{}); err == nil {
			r.Close()
			t.Errorf("Open accepted %s", name)
		} else if !strings.Contains(err.Error(), p) {
			t.Errorf("the error does not name the path: %v", err)
		}
	}
}
