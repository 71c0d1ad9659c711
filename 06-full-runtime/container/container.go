// Package container runs a command in a container, in two halves.
//
// The parent's half clones a child into new namespaces, hands it the Config and
// waits for it. The child is the same program started again; it is PID 1 of the
// container and puts up the rest from the inside, hostname (lesson 1), mounts
// (2), /proc (3), root (4), before it execs the command in its own place. See
// pid1.go for its steps in order.
package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Config is what a container is made of.
type Config struct {
	Rootfs   string   // directory on the host that becomes "/"
	Hostname string   //
	Args     []string // the command and its arguments
	Env      []string // KEY=VALUE; sensible values are added for what is missing
	WorkDir  string   // made if it does not exist; "" is "/"
	User     string   // NAME or UID, and perhaps :GROUP or :GID, as an image has it; "" is root
	UserNS   bool     // in a user namespace, so that root in there is not root here
	Terminal bool     // at a terminal of its own, instead of our stdin, stdout and stderr
}

// Statuses that are not the command's own are those of `docker run`.
const (
	StatusFailed   = 125 // the container could not be made
	StatusCannot   = 126 // the command is there, but cannot be run
	StatusNotFound = 127 // the command is not there
	StatusSignal   = 128 // plus the number of the signal that ended it
)

// message is what the parent sends to the child.
type message struct {
	Config
	Size *unix.Winsize // of the terminal
}

// childName is what the child is started as. Nothing of the Config is in its
// arguments, where every user of the host could read it.
const childName = "container-init"

// Run runs the container with this process's stdin, stdout and stderr, and
// returns the command's status. When it returns, all of the container's
// processes and mounts are gone. After an error the status is StatusFailed.
//
// The child reports its own failures on stderr, and to us by its status.
func Run(c Config) (status int, err error) {
	// Death of the thread that clones the child would count as ours, see
	// Pdeathsig in namespaces.go.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	// The child must not inherit what whoever started us left open: a directory
	// of the host among it would be a way out (compare CVE-2024-21626).
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return StatusFailed, fmt.Errorf("close_range: %w", err)
	}
	ours, childs, err := socketpair()
	if err != nil {
		return StatusFailed, err
	}
	defer ours.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{childName}
	cmd.Env = []string{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{childs} // becomes descriptor 3
	cmd.SysProcAttr = namespaces(c.UserNS)

	signals := catchSignals()
	err = cmd.Start()
	childs.Close()
	if err != nil {
		return StatusFailed, explainClone(c.UserNS, err)
	}
	// If the child is gone already, its status tells why, not this write.
	_ = json.NewEncoder(ours).Encode(message{c, terminalSize()})

	var own *console
	if c.Terminal {
		if own, err = receiveConsole(ours); err != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return StatusFailed, err
		}
	}
	keys := make(chan syscall.Signal)
	own.serve(cmd.Process.Pid, keys)
	ended := signals.forward(cmd.Process, keys)
	err = cmd.Wait()
	own.close()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return StatusFailed, fmt.Errorf("wait: %w", err)
	}
	if sig := ended(); sig != 0 {
		return StatusSignal + int(sig), nil
	}
	state := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if state.Signaled() {
		return StatusSignal + int(state.Signal()), nil
	}
	return state.ExitStatus(), nil
}

// socketpair returns the two ends of a connection.
func socketpair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "child"), os.NewFile(uintptr(fds[1]), "parent"), nil
}
