package labfs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// TestMain lets the test binary stand in for other programs, by the name it
// is called with.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "busybox":
		fmt.Println("cat\nls\nps\nsh")
		os.Exit(0)
	case "build":
		os.Exit(build(os.Args[1]))
	case "enter", "enter-nodev":
		os.Exit(enter(os.Args[1], os.Args[2], name == "enter-nodev"))
	}
	os.Exit(m.Run())
}

func TestPlan(t *testing.T) {
	files, err := Plan()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]File{"/": {Mode: fs.ModeDir}}
	for _, f := range files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path {
			t.Errorf("%s is not absolute and clean", f.Path)
		}
		if _, ok := seen[f.Path]; ok {
			t.Errorf("%s is listed twice", f.Path)
		}
		if parent, ok := seen[path.Dir(f.Path)]; !ok || !parent.Mode.IsDir() {
			t.Errorf("%s is listed before its directory", f.Path)
		}
		if f.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s is %v", f.Path, f.Mode)
		}
		seen[f.Path] = f
	}

	sh, ok := seen["/bin/sh"]
	if ok && sh.Mode.Type() == fs.ModeSymlink {
		sh, ok = seen["/bin/"+sh.Target]
	}
	if !ok || !sh.Mode.IsRegular() || sh.Source == "" {
		t.Errorf("/bin/sh is %+v, want a program of this machine", sh)
	}
	if tmp := seen["/tmp"]; tmp.Mode != fs.ModeDir|fs.ModeSticky|0o777 {
		t.Errorf("/tmp is %v", tmp.Mode)
	}

	again, err := Plan()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(files, again) {
		t.Error("the same machine gave two different lists")
	}
}

func TestAddParents(t *testing.T) {
	var got []string
	for _, f := range addParents([]File{directory("/lib", 0o755), program("/lib/x/y/libc.so", ""), program("/lib/x/libz.so", "")}) {
		got = append(got, fmt.Sprint(f.Path, " ", f.Mode))
	}
	slices.Sort(got)
	want := []string{
		"/lib drwxr-xr-x",
		"/lib/x drwxr-xr-x",
		"/lib/x/libz.so -rwxr-xr-x",
		"/lib/x/y drwxr-xr-x",
		"/lib/x/y/libc.so -rwxr-xr-x",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
