package container

import (
	"encoding/hex"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"example.com/container-go/05-oci-pull/janitor"
)

const terminalDuty = "terminal"

func init() { janitor.Serve(terminalDuty, keepTerminal) }

// terminal is our own terminal in raw mode: it hands over every key as it is, and
// leaves echo and Ctrl-C to the container's terminal.
type terminal struct {
	file    *os.File
	mode    *unix.Termios // before
	janitor *janitor.Janitor
}

// makeRaw puts a terminal into raw mode until restore, or this process's end.
func makeRaw(file *os.File) (*terminal, error) {
	mode, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("ioctl TCGETS on the terminal: %w", err)
	}
	j, err := janitor.Start(terminalDuty, hex.EncodeToString(bytesOf(mode)), file)
	if err != nil {
		return nil, err
	}
	t := &terminal{file, mode, j}
	if err := t.raw(); err != nil {
		t.restore()
		return nil, err
	}
	return t, nil
}

// raw sets raw mode again, after another process has set another one.
func (t *terminal) raw() error {
	if _, err := term.MakeRaw(int(t.file.Fd())); err != nil {
		return fmt.Errorf("set the terminal to raw mode: %w", err)
	}
	return nil
}

// restore gives the terminal its old mode.
func (t *terminal) restore() {
	_ = unix.IoctlSetTermios(int(t.file.Fd()), unix.TCSETS, t.mode)
	t.janitor.Dismiss()
}

// keepTerminal is the janitor's duty: it restores the mode of its descriptor 3.
func keepTerminal(mode string) {
	old := new(unix.Termios)
	if n, err := hex.Decode(bytesOf(old), []byte(mode)); err == nil && n == len(bytesOf(old)) {
		_ = unix.IoctlSetTermios(3, unix.TCSETS, old)
	}
}

// bytesOf is a mode as it lies in memory.
func bytesOf(mode *unix.Termios) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(mode)), unsafe.Sizeof(*mode))
}
