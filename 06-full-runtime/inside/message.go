package inside

import (
	"encoding/gob"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// parentFD is our end of the socket.
const parentFD = 3

// receive reads the parent's message. If the parent dies before it has sent it, the
// read ends with an error, and so do we: the death signal may not be set that early.
func (p *pid1) receive() error {
	if os.Getpid() != 1 {
		return errors.New("not PID 1: only the parent's half may start this one")
	}
	// What ps shows, in place of the number of a descriptor.
	_ = os.WriteFile("/proc/self/comm", []byte(config.ChildName), 0)
	// Modes are what we say, whatever the caller's mask is.
	unix.Umask(0o022)
	// The socket is PID 1's alone, and not the command's.
	p.parent = os.NewFile(parentFD, "parent")
	unix.CloseOnExec(parentFD)
	p.messages = gob.NewDecoder(p.parent)
	return p.read(&p.Message)
}

func (p *pid1) read(message any) error {
	if err := p.messages.Decode(message); err != nil {
		return fmt.Errorf("read the parent's message: %w", err)
	}
	return nil
}

// awaitParent waits until the parent can pass signals on to the command, which may
// expect one at once.
func (p *pid1) awaitParent() error {
	var ready bool
	return p.read(&ready)
}

// startExplaining prints the steps on what is stderr now. A terminal of the
// container's own must show none of them.
func (p *pid1) startExplaining() error {
	if !p.Explain {
		return nil
	}
	if fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3); err == nil {
		explain.To(os.NewFile(uintptr(fd), "stderr"), "PID 1", p.Start, p.Terminal)
	}
	explain.CompareNamespaces(p.Namespaces)
	return nil
}
