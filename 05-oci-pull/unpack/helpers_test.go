package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An item is one entry of a layer made for a test.
type item struct {
	tar.Header
	body string
}

var someTime = time.Unix(1234567890, 123456789)

func entryOf(kind byte, name string) item {
	return item{Header: tar.Header{
		Typeflag: kind, Name: name, Mode: 0o755, ModTime: someTime, Format: tar.FormatPAX,
		Uid: os.Getuid(), Gid: os.Getgid(),
	}}
}

func dirAt(name string) item  { return entryOf(tar.TypeDir, name+"/") }
func fifoAt(name string) item { return entryOf(tar.TypeFifo, name) }
func hide(name string) item   { return fileAt(name, "") }

func fileAt(name, body string) item {
	i := entryOf(tar.TypeReg, name)
	i.Mode, i.body, i.Size = 0o644, body, int64(len(body))
	return i
}

func symlinkAt(name, target string) item {
	i := entryOf(tar.TypeSymlink, name)
	i.Linkname = target
	return i
}

func linkAt(name, target string) item {
	i := entryOf(tar.TypeLink, name)
	i.Linkname = target
	return i
}

func deviceAt(name string, major, minor int64) item {
	i := entryOf(tar.TypeChar, name)
	i.Devmajor, i.Devminor = major, minor
	return i
}

func (i item) mode(mode int64) item { i.Mode = mode; return i }

func (i item) xattr(name, value string) item {
	if i.PAXRecords == nil {
		i.PAXRecords = map[string]string{}
	}
	i.PAXRecords["SCHILY.xattr."+name] = value
	return i
}

// archive makes a tar stream of items.
func archive(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, i := range items {
		if err := w.WriteHeader(&i.Header); err != nil {
			t.Fatalf("make a layer: %v", err)
		}
		if _, err := w.Write([]byte(i.body)); err != nil {
			t.Fatalf("make a layer: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("make a layer: %v", err)
	}
	return buf.Bytes()
}

// A box is an empty rootfs, beside a directory that nothing may change.
type box struct {
	t       *testing.T
	dir     string
	outside string
	*Rootfs
}

func newBox(t *testing.T, o Options) *box {
	t.Helper()
	top := t.TempDir()
	b := &box{t: t, dir: filepath.Join(top, "rootfs"), outside: filepath.Join(top, "outside")}
	for name, mode := range map[string]os.FileMode{b.dir: 0o755, b.outside: 0o751, b.outside + "/sub": 0o711} {
		if err := os.MkdirAll(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"secret", "sub/secret"} {
		if err := os.WriteFile(filepath.Join(b.outside, name), []byte("host"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, b.outside)
	r, err := Open(b.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	b.Rootfs = r
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if after := snapshot(t, b.outside); after != before {
			t.Errorf("the directory outside changed from\n%sto\n%s", before, after)
		}
		if err := RemoveAll(b.dir); err != nil {
			t.Errorf("RemoveAll: %v", err)
		}
		if names, _ := os.ReadDir(top); len(names) != 1 {
			t.Errorf("RemoveAll left the rootfs, or something beside it: %v", names)
		}
	})
	return b
}

// rootfs is a box that keeps owners if this process can.
func rootfs(t *testing.T) *box {
	t.Helper()
	return newBox(t, Options{Owners: PreservesOwners()})
}

// layer applies a layer that must be right.
func (b *box) layer(items ...item) {
	b.t.Helper()
	if err := b.Apply(context.Background(), bytes.NewReader(archive(b.t, items...))); err != nil {
		b.t.Fatalf("Apply: %v", err)
	}
}

// refuses applies a layer that must fail with an error that has all of words.
func (b *box) refuses(words string, items ...item) {
	b.t.Helper()
	err := b.Apply(context.Background(), bytes.NewReader(archive(b.t, items...)))
	if err == nil {
		b.t.Fatalf("Apply accepted a layer that it should refuse with %q", words)
	}
	if !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
		b.t.Fatalf("Apply said %q, which should be one line with %q", err, words)
	}
}

// has checks the whole tree: "dir/", "file=content", "link->target", "fifo|".
func (b *box) has(want ...string) {
	b.t.Helper()
	var got []string
	err := filepath.WalkDir(b.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == b.dir {
			return err
		}
		name := strings.TrimPrefix(p, b.dir+"/")
		switch {
		case d.IsDir():
			name += "/"
		case d.Type() == os.ModeSymlink:
			target, _ := os.Readlink(p)
			name += "->" + target
		case d.Type() == os.ModeNamedPipe:
			name += "|"
		case d.Type().IsRegular():
			body, _ := os.ReadFile(p)
			name += "=" + string(body)
		default:
			name += " " + d.Type().String()
		}
		got = append(got, name)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Errorf("the tree is\n  %s\nand should be\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// stat describes a file of the rootfs itself, not what a symlink leads to.
func (b *box) stat(name string) unix.Stat_t {
	b.t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(b.dir, name), &st); err != nil {
		b.t.Fatalf("lstat %s: %v", name, err)
	}
	return st
}

func (b *box) xattr(name, attr string) string {
	b.t.Helper()
	buf := make([]byte, 100)
	n, err := unix.Lgetxattr(filepath.Join(b.dir, name), attr, buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

// snapshot describes a tree to the last detail: the change time of a file shows
// also what was done and undone.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var s strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		body := ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			body = string(data)
		}
		fmt.Fprintf(&s, "%s ino=%d mode=%o nlink=%d owner=%d:%d mtime=%v ctime=%v %q\n",
			p, st.Ino, st.Mode, st.Nlink, st.Uid, st.Gid, st.Mtim, st.Ctim, body)
		return nil
	})
	if err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	return s.String()
}

func needRoot(t *testing.T) {
	t.Helper()
	if !PreservesOwners() {
		t.Skip("needs root, with more than one user mapped")
	}
}
