// Package container runs a command in a container, in two halves.
//
// The parent's half clones a child into new namespaces, hands it the Config and
// waits for it. The child is the same program started again; it is PID 1 of the
// container and puts up the rest from the inside, hostname (lesson 1), mounts
// (2), /proc (3), root (4), before it execs the command in its own place. See
// pid1.go for its steps in order.
package container

import (
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/idmap"
)

// Config is what a container is made of.
type Config struct {
	Dir       string    // the container's directory: upper, work and root (package store)
	Layers    []string  // directories on the host that are "/" when put over each other, lowest first
	Map       idmap.Map // of the user namespace it is in, if any, where root has no rights over the host's
	Hostname  string
	Args      []string // the command and its arguments
	Env       []string // KEY=VALUE, or KEY alone for none; later ones count; sensible values are added for what is missing
	WorkDir   string   // made if it does not exist; "" is "/"
	User      string   // NAME or UID, and perhaps :GROUP or :GID, as an image has it; "" is root
	Mounts    []Mount
	NoNetwork bool // in a network namespace with nothing but lo
	ReadOnly  bool // "/" cannot be written to
	Terminal  bool // at a terminal of its own, instead of our stdin, stdout and stderr
	Init      bool // PID 1 is an init of ours, and the command its child
	Explain   bool // tell on stderr what is done
	CgroupFD  int  // a control group for it, or 0
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
	Size       *unix.Winsize     // of the terminal
	Namespaces map[string]string // the host's, by their inodes, for Explain
}

// childName is what the child is started as. Nothing of the Config is in its
// arguments, where every user of the host could read it.
const childName = "container-init"

// MinPids is how many processes and threads a control group must allow. PID 1 has
// four to six threads until its execve, or with more processors at its disposal
// more than that.
const MinPids = 8

// Run runs the container with this process's stdin, stdout and stderr, and
// returns the command's status. When it returns, all of the container's
// processes and mounts are gone. After an error the status is StatusFailed.
//
// It tells born of PID 1 by its number and a pidfd, which is valid until born
// returns: somebody must kill that process if we are killed. A death signal helps,
// but programs can escape it.
//
// The child reports its own failures on stderr, and to us by its status.
func Run(c Config, born func(pid, pidfd int) error) (status int, err error) {
	// Death of the thread that clones the child would count as ours, see
	// Pdeathsig in namespaces.go.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	// The child must not inherit what whoever started us left open: a directory
	// of the host among it would be a way out (compare CVE-2024-21626).
	err = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err := explain.Step(err, "no open file of ours gets into the container", "close_range 3 ~0 CLOSE_RANGE_CLOEXEC"); err != nil {
		return StatusFailed, err
	}
	ours, childs, err := socketpair()
	if err != nil {
		return StatusFailed, err
	}
	defer ours.Close()
	self, err := sealedSelf()
	if err != nil {
		return StatusFailed, err
	}
	defer self.Close()
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", self.Fd()))
	cmd.Args = []string{childName}
	// One processor: see MinPids. Else Go's runtime keeps its cgroup's files open.
	cmd.Env = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{childs} // becomes descriptor 3
	cmd.SysProcAttr = namespaces(c)
	pidfd := -1
	cmd.SysProcAttr.PidFD = &pidfd

	signals := catchSignals(c)
	err = explain.Step(cmd.Start(), "a child in namespaces of its own, where it is PID 1", "clone %s", flagNames(cmd.SysProcAttr))
	childs.Close()
	if err != nil {
		return StatusFailed, adviseClone(c, err)
	}
	forwarder := signals.forward(cmd.Process, ours)
	console, err := launch(c, cmd.Process, pidfd, born, ours, forwarder)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	waitErr := cmd.Wait()
	sent := forwarder.stop()
	console.close()
	if err != nil && sent == 0 { // else a signal has ended the child before it was launched
		return StatusFailed, err
	}
	var exit *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exit) {
		return StatusFailed, fmt.Errorf("wait: %w", waitErr)
	}
	state := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case state.Signaled() && sent != 0:
		return StatusSignal + int(sent), nil
	case state.Signaled():
		return StatusSignal + int(state.Signal()), nil
	}
	return state.ExitStatus(), nil
}

// launch gives a newborn child what it needs: it tells born, sends the message
// and sets up the console. A child that ends early is no error here; its status
// tells why.
func launch(c Config, child *os.Process, pidfd int, born func(int, int) error, socket *os.File, f *forwarder) (*console, error) {
	defer unix.Close(pidfd)
	if err := born(child.Pid, pidfd); err != nil {
		return nil, err
	}
	if err := c.Map.Write(child.Pid); err != nil {
		return nil, adviseUserNS(c, err)
	}
	m := message{Config: c, Size: terminalSize()}
	if explain.On() {
		m.Namespaces = namespaceInodes()
	}
	_ = explain.Step(gob.NewEncoder(socket).Encode(m), "all that the child is to do, which nobody can read in its arguments", "write PID 1's socket")
	if !c.Terminal {
		return nil, nil
	}
	own, err := receiveConsole(socket)
	own.serve(child.Pid, f.keys)
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
