package container

import (
	"encoding/gob"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// newborn is a child that waits for its message.
type newborn struct {
	process *os.Process
	pidfd   int
	socket  *os.File
	keys    chan<- syscall.Signal // takes the signals that a key has sent to it
}

// launch gives a newborn child what it needs: a process that kills it if we die, its
// ids, the message, and the outer end of its terminal. A child that ends early is no
// error here; its status tells why.
func launch(c config.Config, host Host, child newborn) (*console, error) {
	defer unix.Close(child.pidfd)
	pid := child.process.Pid
	if err := host.Born(pid, child.pidfd); err != nil {
		return nil, err
	}
	if err := host.IDs.Write(pid); err != nil {
		return nil, err
	}
	m := config.Message{Config: c, Size: terminalSize()}
	if explain.On() {
		m.Namespaces = explain.Namespaces()
	}
	_ = explain.Step(gob.NewEncoder(child.socket).Encode(m), "all that the child must do: every user could read arguments", "write", "PID 1's socket")
	if !c.Terminal {
		return nil, nil
	}
	own, err := receiveConsole(child.socket)
	own.serve(pid, child.keys)
	return own, err
}

// socketpair returns the two ends of a connection.
func socketpair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "child"), os.NewFile(uintptr(fds[1]), "parent"), nil
}
