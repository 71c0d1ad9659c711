package mount

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"
)

func TestSealedCopyIsUsAndCannotBeChanged(t *testing.T) {
	fd, err := sealedCopy()
	if err != nil {
		t.Fatal(err)
	}
	self := os.NewFile(uintptr(fd), "copy")
	defer self.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", self.Fd())
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(copied, program) {
		t.Errorf("the copy is another program: %d bytes, %v; want %d", len(copied), err, len(program))
	}
	if _, err := self.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the copy can be written to")
	}
	if err := os.Truncate(path, 0); err == nil {
		t.Error("the copy can be truncated")
	}
	again, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		if _, err = io.WriteString(again, "x"); err == nil {
			t.Error("the copy can be written to when it is opened again")
		}
		again.Close()
	}
}
