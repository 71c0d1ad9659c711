package labfs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	tests := []struct {
		name, list     string
		paths, missing []string
	}{
		{
			name: "glibc",
			list: "\tlinux-vdso.so.1 (0x00007ffd3d7f2000)\n" +
				"\tlibselinux.so.1 => /lib/x86_64-linux-gnu/libselinux.so.1 (0x00007fa58a3ad000)\n" +
				"\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fa58a1cb000)\n" +
				"\t/lib64/ld-linux-x86-64.so.2 (0x00007fa58a414000)\n",
			paths: []string{"/lib/x86_64-linux-gnu/libselinux.so.1", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"},
		},
		{
			name: "glibc of old",
			list: "\tlinux-vdso.so.1 =>  (0x00007ffd3d7f2000)\n" +
				"\tlibc.so.6 => /lib64/libc.so.6 (0x00007fa58a1cb000)\n",
			paths: []string{"/lib64/libc.so.6"},
		},
		{
			name: "musl",
			list: "\t/lib/ld-musl-x86_64.so.1 (0x7f678f854000)\n" +
				"\tlibcrypto.so.3 => /lib/libcrypto.so.3 (0x7f678f200000)\n" +
				"\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f678f854000)\n",
			paths: []string{"/lib/ld-musl-x86_64.so.1", "/lib/libcrypto.so.3", "/lib/ld-musl-x86_64.so.1"},
		},
		{
			name:  "a run path relative to the program",
			list:  "\tlibx.so.1 => /usr/bin/../lib/libx.so.1 (0x00007fa58a1cb000)\n",
			paths: []string{"/usr/lib/libx.so.1"},
		},
		{
			name:    "not found",
			list:    "\tlibx.so.1 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x00007fa58a1cb000)\n",
			paths:   []string{"/lib/libc.so.6"},
			missing: []string{"libx.so.1"},
		},
		{
			name: "a library too old for the program",
			list: "/bin/ls: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /bin/ls)\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			paths, missing := parseList(test.list)
			if !slices.Equal(paths, test.paths) {
				t.Errorf("paths %q, want %q", paths, test.paths)
			}
			if !slices.Equal(missing, test.missing) {
				t.Errorf("missing %q, want %q", missing, test.missing)
			}
		})
	}
}

func TestFindLibraries(t *testing.T) {
	dir := t.TempDir()
	loader, asked := filepath.Join(dir, "loader"), filepath.Join(dir, "asked")
	script := "#!/bin/sh\necho asked >>" + asked + "\necho 'libx.so.1 => /opt/x/libx.so.1 (0x1000)'\n"
	if err := os.WriteFile(loader, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	static, first, second := filepath.Join(dir, "static"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	writeELF(t, static, "")
	writeELF(t, first, loader)
	writeELF(t, second, loader)

	libraries := func(tools ...File) []string {
		t.Helper()
		files, err := findLibraries(tools)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range files {
			if f.Path != f.Source {
				t.Errorf("%s is at %s", f.Source, f.Path)
			}
			if !strings.HasPrefix(f.Path, "/etc/") { // see TestLoaderFiles
				paths = append(paths, f.Path)
			}
		}
		return paths
	}
	if got := libraries(program("/bin/static", static), symlink("/bin/link", "static")); len(got) > 0 {
		t.Errorf("a static program needs %q", got)
	}
	want := []string{"/opt/x/libx.so.1", loader}
	if got := libraries(program("/bin/first", first), program("/bin/second", second)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if log, err := os.ReadFile(asked); string(log) != "asked\n" {
		t.Errorf("two programs with the same needs: loader's log is %q, %v", log, err)
	}
}

// A missing library is told in three ways: on stdout with success, or on
// stderr with a status by glibc, and by musl with a line for each symbol.
func TestAskLoaderNamesMissingLibrary(t *testing.T) {
	for name, script := range map[string]string{
		"stdout":       `echo "	libx.so.1 => not found"`,
		"stderr":       `echo "$2: error while loading shared libraries: libx.so.1: cannot open shared object file" >&2; exit 127`,
		"stderr, more": `echo "Error loading shared library libx.so.1: No such file (needed by $2)" >&2; echo "Error relocating $2: x: symbol not found" >&2; exit 127`,
	} {
		t.Run(name, func(t *testing.T) {
			loader := filepath.Join(t.TempDir(), "loader")
			if err := os.WriteFile(loader, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			paths, err := askLoader(loader, "/bin/tool")
			if err == nil {
				t.Fatalf("got %q and no error", paths)
			}
			for _, part := range []string{loader, "/bin/tool", "libx.so.1"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %s", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than a line", err)
			}
		})
	}
}

// The caller's environment must not decide what the machine's libraries are.
func TestAskLoaderIgnoresEnvironment(t *testing.T) {
	t.Setenv("LD_LIBRARY_PATH", "/opt/lib")
	loader := filepath.Join(t.TempDir(), "loader")
	script := "#!/bin/sh\necho \"libx.so.1 => ${LD_LIBRARY_PATH-/lib}/libx.so.1 (0x1000)\"\n"
	if err := os.WriteFile(loader, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	paths, err := askLoader(loader, "/bin/tool")
	if err != nil || !slices.Equal(paths, []string{"/lib/libx.so.1"}) {
		t.Errorf("got %q, %v", paths, err)
	}
}

func TestLoaderFiles(t *testing.T) {
	dir := t.TempDir()
	nss := filepath.Join(dir, "libnss_files.so.2")
	libraries := map[string]bool{filepath.Join(dir, "libc.so.6"): true}
	listed := func(path string) bool {
		return slices.ContainsFunc(loaderFiles(libraries), func(f File) bool {
			return f.Path == path && f.Source == path
		})
	}
	if listed(nss) {
		t.Errorf("%s is listed and does not exist", nss)
	}
	if err := os.WriteFile(nss, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if !listed(nss) {
		t.Errorf("%s is not listed", nss)
	}
	const cache = "/etc/ld.so.cache"
	if _, err := os.Stat(cache); err == nil && !listed(cache) {
		t.Errorf("%s is not listed", cache)
	}
}
