package labfs

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindTools(t *testing.T) {
	tests := []struct {
		name string
		host map[string]string // see makeHost
		want map[string]string // path → the host's file, or "-> target"
	}{
		{
			name: "a program for each tool",
			host: map[string]string{"bin/sh": "program", "sbin/ls": "program", "bin/unknown": "program"},
			want: map[string]string{"/bin/sh": "bin/sh", "/bin/ls": "sbin/ls"},
		},
		{
			name: "the first directory wins",
			host: map[string]string{"bin/sh": "program", "sbin/sh": "program"},
			want: map[string]string{"/bin/sh": "bin/sh"},
		},
		{
			name: "sh by another name",
			host: map[string]string{"bin/sh": "-> dash", "bin/dash": "program"},
			want: map[string]string{"/bin/dash": "bin/dash", "/bin/sh": "-> dash"},
		},
		{
			name: "one program is many tools",
			host: map[string]string{
				"bin/sh": "program", "libexec/coreutils": "program", "libexec/ls": "-> coreutils",
				"bin/ls": "-> ../libexec/ls", "bin/cat": "-> ../libexec/coreutils",
			},
			want: map[string]string{
				"/bin/sh": "bin/sh", "/bin/coreutils": "libexec/coreutils",
				"/bin/ls": "-> coreutils", "/bin/cat": "-> coreutils",
			},
		},
		{
			name: "one program is many tools by hard links",
			host: map[string]string{"bin/sh": "program", "bin/cat": "program", "bin/ls": "= bin/cat"},
			want: map[string]string{"/bin/sh": "bin/sh", "/bin/cat": "bin/cat", "/bin/ls": "-> cat"},
		},
		{
			name: "everything is busybox",
			host: map[string]string{"bin/busybox": "busybox", "bin/sh": "-> busybox", "sbin/ls": "-> ../bin/busybox"},
			want: map[string]string{
				"/bin/busybox": "bin/busybox", "/bin/sh": "-> busybox", "/bin/ls": "-> busybox",
				"/bin/cat": "-> busybox", "/bin/ps": "-> busybox",
			},
		},
		{
			name: "busybox stands in for what is missing, and for scripts",
			host: map[string]string{"bin/busybox": "busybox", "bin/sh": "program", "bin/ls": "script", "bin/grep": "script"},
			want: map[string]string{
				"/bin/busybox": "bin/busybox", "/bin/sh": "bin/sh",
				"/bin/cat": "-> busybox", "/bin/ls": "-> busybox", "/bin/ps": "-> busybox",
			},
		},
		{
			name: "a program's own name is another tool's",
			host: map[string]string{"bin/sh": "-> ../odd/ls", "odd/ls": "program", "bin/ls": "program"},
			want: map[string]string{"/bin/sh": "odd/ls", "/bin/ls": "bin/ls"},
		},
		{
			name: "two programs of one name",
			host: map[string]string{
				"bin/sh": "-> ../a/box", "a/box": "program", "bin/cat": "-> ../b/box", "b/box": "program",
			},
			want: map[string]string{"/bin/box": "a/box", "/bin/sh": "-> box", "/bin/cat": "b/box"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := makeHost(t, test.host)
			files, err := findTools([]string{root + "/bin", root + "/sbin"})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range files {
				if _, twice := got[f.Path]; twice {
					t.Errorf("%s is listed twice", f.Path)
				}
				got[f.Path] = "-> " + f.Target
				if f.Source != "" {
					got[f.Path] = strings.TrimPrefix(f.Source, root+"/")
				}
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestFindToolsNeedsShell(t *testing.T) {
	root := makeHost(t, map[string]string{"bin/sh": "script", "bin/ls": "program"})
	files, err := findTools([]string{root + "/bin"})
	if err == nil || !strings.Contains(err.Error(), "no shell") {
		t.Errorf("got %v and error %v", files, err)
	}
}

// makeHost makes a directory with the given files: an ELF "program", a
// "script", the "busybox" that TestMain is, "-> target" for a symbolic link,
// "= file" for a hard link.
func makeHost(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		switch {
		case kind == "program":
			writeELF(t, path, "")
		case kind == "script":
			err = os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755)
		case kind == "busybox":
			var self []byte
			if self, err = os.ReadFile("/proc/self/exe"); err == nil {
				err = os.WriteFile(path, self, 0o755)
			}
		case strings.HasPrefix(kind, "-> "):
			err = os.Symlink(kind[len("-> "):], path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, kind := range files {
		if target, ok := strings.CutPrefix(kind, "= "); ok {
			if err := os.Link(filepath.Join(root, target), filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

// writeELF writes the least that debug/elf takes for a program. Its loader is
// interp; without one it is a static program.
func writeELF(t *testing.T, path, interp string) {
	t.Helper()
	const headerSize, segmentSize = 64, 56
	header := elf.Header64{
		Ident:     [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:      uint16(elf.ET_EXEC),
		Version:   uint32(elf.EV_CURRENT),
		Phoff:     headerSize,
		Phentsize: segmentSize,
		Phnum:     1,
	}
	segment := elf.Prog64{Type: uint32(elf.PT_NULL)}
	if interp != "" {
		interp += "\x00"
		segment = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: headerSize + segmentSize, Filesz: uint64(len(interp))}
	}
	var program bytes.Buffer
	for _, part := range []any{header, segment, []byte(interp)} {
		if err := binary.Write(&program, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, program.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
}
