package self

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadOnlySelfIsUsAndCannotBeChanged(t *testing.T) {
	path, err := ReadOnly()
	if errors.Is(err, unix.EPERM) {
		t.Skip("an ordinary user may not mount: PID 1 of a user namespace does it, see TestAttackProgram")
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := os.ReadFile(path); err != nil || !bytes.Equal(seen, program) {
		t.Errorf("%s is another program: %d bytes, %v; want %d", path, len(seen), err, len(program))
	}
	if _, err := os.OpenFile(path, os.O_WRONLY, 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("open %s for writing: %v, want %v", path, err, unix.EROFS)
	}
	if err := os.Truncate(path, 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("truncate %s: %v, want %v", path, err, unix.EROFS)
	}
	if err := unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, ""); err == nil {
		t.Errorf("%s could be remounted", path)
	}
}

func TestSameProgramNoticesAnother(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/program", []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if sameFile("/proc/self/exe", dir+"/program") == nil {
		t.Error("another file was taken for this program")
	}
}
