package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Files with holes come in four forms, which only GNU tar writes.
func TestSparseFiles(t *testing.T) {
	if _, err := exec.LookPath("tar"); err != nil {
		t.Skip("there is no tar here")
	}
	dir := t.TempDir()
	want := map[string]string{"end": strings.Repeat("\x00", 1<<20) + "end", "middle": "start" + strings.Repeat("\x00", 1<<20) + "mid" + strings.Repeat("\x00", 1<<20), "hole": strings.Repeat("\x00", 3<<20)}
	for name, content := range want {
		writeHoles(t, filepath.Join(dir, name), content)
	}
	for _, form := range [][]string{{"--format=gnu"}, {"--format=pax", "--sparse-version=0.0"}, {"--format=pax", "--sparse-version=0.1"}, {"--format=pax", "--sparse-version=1.0"}} {
		args := append(form, "--sparse", "-C", dir, "-cf", "-", "end", "middle", "hole")
		stream, err := exec.Command("tar", args...).Output()
		if err != nil {
			t.Skipf("this tar makes no sparse files: %v", err)
		}
		if len(stream) > 1<<20 {
			t.Fatalf("with %v the archive is not sparse", form)
		}
		b := rootfs(t)
		if err := b.Apply(context.Background(), bytes.NewReader(stream)); err != nil {
			t.Errorf("%v: %v", form, err)
		}
		for name, content := range want {
			if got, err := os.ReadFile(filepath.Join(b.dir, name)); err != nil || string(got) != content {
				t.Errorf("%v: the file %s has %d bytes, %v; want %d", form, name, len(got), err, len(content))
			}
		}
	}
}

// writeHoles writes a file without its zeros.
func writeHoles(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		err = f.Truncate(int64(len(content)))
	}
	for i := 0; i < len(content) && err == nil; i += 4096 {
		if part := content[i:min(i+4096, len(content))]; strings.Trim(part, "\x00") != "" {
			_, err = f.WriteAt([]byte(part), int64(i))
		}
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A file's holes count, too: a header may claim any size.
func TestHolesAreLimited(t *testing.T) {
	hole := exec.Command("sh", "-c", "f=$(mktemp) && truncate -s 1T $f && tar --format=pax --sparse -cf - -C / ${f#/}; rm $f")
	stream, err := hole.Output()
	if err != nil || len(stream) == 0 {
		t.Skipf("there is no tar here: %v", err)
	}
	b := newBox(t, Options{MaxBytes: 1 << 30})
	if err := b.Apply(context.Background(), bytes.NewReader(stream)); err == nil || !strings.Contains(err.Error(), "more than 1073741824 bytes") {
		t.Errorf("a hole of a terabyte: %v", err)
	}
}

func TestOddEntries(t *testing.T) {
	long := strings.Repeat(strings.Repeat("n", 200)+"/", 5) + "file"
	gnu := fileAt(long, "gnu")
	gnu.Format, gnu.ModTime = tar.FormatGNU, someTime.Truncate(time.Second)
	link := symlinkAt("link", strings.Repeat("t", 3000))
	link.Format, link.ModTime = tar.FormatGNU, gnu.ModTime
	old := fileAt("old", "x")
	old.Format, old.ModTime = tar.FormatGNU, time.Unix(-86400*365, 0)
	future := fileAt("future", "x")
	future.ModTime = time.Unix(1<<33, 5)
	ancient := fileAt("ancient", "x")
	ancient.ModTime = time.Unix(-1<<40, 0)
	comment := entryOf(tar.TypeXGlobalHeader, "")
	comment.Header = tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "a commit", "path": "elsewhere"}}
	bits := fileAt("bits", "x").mode(0o100644)
	b := rootfs(t)
	b.layer(comment, gnu, link, old, future, ancient, bits)
	if content, err := os.ReadFile(filepath.Join(b.dir, long)); string(content) != "gnu" {
		t.Errorf("a long name of GNU tar: %v", err)
	}
	for name, want := range map[string]int64{"old": -86400 * 365, "future": 1 << 33} {
		if info, err := os.Stat(filepath.Join(b.dir, name)); err != nil || info.ModTime().Unix() != want {
			t.Errorf("%s has the time %v, %v; want %v", name, info.ModTime().Unix(), err, want)
		}
	}
}

// What comes after the end of the archive is not unpacked, whatever it is; and an end
// may be missing.
func TestEnds(t *testing.T) {
	whole := archive(t, fileAt("a", "1"))
	for what, stream := range map[string][]byte{
		"no end":               whole[:len(whole)-1024],
		"garbage":              append(bytes.Clone(whole), "garbage"...),
		"another archive":      append(bytes.Clone(whole), archive(t, fileAt("b", "2"))...),
		"zeros":                append(bytes.Clone(whole), make([]byte, 10000)...),
		"a block of zeros":     whole[:len(whole)-512],
		"less than one record": append(bytes.Clone(whole), 0),
	} {
		b := rootfs(t)
		if err := b.Apply(context.Background(), bytes.NewReader(stream)); err != nil {
			t.Errorf("with %s after the last file: %v", what, err)
		}
		b.has("a=1")
	}
	for what, stream := range map[string][]byte{
		"cut within a header":  whole[:300],
		"cut within a file":    archive(t, fileAt("a", strings.Repeat("x", 2000)))[:1500],
		"cut within the end":   whole[:len(whole)-100],
		"a damaged header":     bytes.Replace(whole, []byte("0000644"), []byte("0000777"), 1),
		"garbage for a header": append(bytes.Clone(whole[:len(whole)-1024]), bytes.Repeat([]byte("x"), 512)...),
	} {
		b := rootfs(t)
		if err := b.Apply(context.Background(), bytes.NewReader(stream)); err == nil {
			t.Errorf("%s: taken for a layer", what)
		}
	}
}

func TestXattrsAreLimited(t *testing.T) {
	name := func(n int) string { return "user." + strings.Repeat("n", n-5) }
	for _, c := range []struct {
		name string
		size int
		says string // "" where it depends on the filesystem alone
	}{
		{name(255), 1, ""},
		{name(256), 1, "255 for the name"},
		{"user.a", 1 << 16, ""},
		{"user.a", 1<<16 + 1, "65536 are possible"},
	} {
		b := rootfs(t)
		stream := archive(t, fileAt("f", "").xattr(c.name, strings.Repeat("v", c.size)))
		err := b.Apply(context.Background(), bytes.NewReader(stream))
		refused := err != nil && strings.Contains(err.Error(), "are possible")
		if refused != (c.says != "") || refused && !strings.Contains(err.Error(), c.says) {
			t.Errorf("an attribute with a name of %d bytes and a value of %d: %v", len(c.name), c.size, err)
		}
	}
}

// Ids that no filesystem can hold.
func TestOwnersAreLimited(t *testing.T) {
	for _, id := range []int{1<<32 - 1, 1 << 32, 1 << 40, -1} {
		f := fileAt("f", "")
		f.Uid = id
		f.Format = tar.FormatUnknown
		if id < 0 {
			f.Format = tar.FormatGNU
			f.ModTime = f.ModTime.Truncate(time.Second)
		}
		b := rootfs(t)
		b.refuses(fmt.Sprintf("owner %d:", id), f)
	}
}
