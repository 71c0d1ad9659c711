// Package container is the parent's half: it clones a child into new namespaces,
// sends it one message, passes on signals and the terminal, and waits. Package inside
// is the child's half.
package container

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/userns"
)

// Host is what the container has on the host, and PID 1 does not need to know.
type Host struct {
	IDs      userns.Map // of the user namespace, if there is one
	CgroupFD int        // of the cgroup that the container is born in, or 0
	// Born is told of PID 1, by its number and a pidfd that is valid until Born
	// returns. It must see to it that PID 1 is killed if we are killed: a death
	// signal helps, but programs can escape it.
	Born func(pid, pidfd int) error
}

// Run runs the container with this process's stdin, stdout and stderr, and
// returns the command's status. When it returns, all of the container's
// processes and mounts are gone. After an error the status is config.StatusFailed.
//
// The child reports its own failures on stderr, and to us by its status.
func Run(c config.Config, host Host) (status int, err error) {
	// Death of the thread that clones the child would count as ours, see
	// Pdeathsig in namespaces.go.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	// The child must not inherit what whoever started us left open: a directory
	// of the host among it would be a way out (compare CVE-2024-21626).
	err = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err := explain.Step(err, "no open file of ours gets into the container", "close_range", "3 ~0 CLOSE_RANGE_CLOEXEC"); err != nil {
		return config.StatusFailed, err
	}
	ours, childs, err := socketpair()
	if err != nil {
		return config.StatusFailed, err
	}
	defer ours.Close()
	self, err := sealedSelf()
	if err != nil {
		return config.StatusFailed, err
	}
	defer self.Close()
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", self.Fd()))
	cmd.Args = []string{config.ChildName}
	// One processor: see config.MinPids. Else Go's runtime keeps its cgroup's files open.
	cmd.Env = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{childs} // becomes descriptor 3
	cmd.SysProcAttr = namespaces(c, host)
	pidfd := -1
	cmd.SysProcAttr.PidFD = &pidfd

	signals := catchSignals(c.Terminal)
	err = explain.Step(cmd.Start(), "a child in namespaces of its own, where it is PID 1", "clone", "%s", flagNames(cmd.SysProcAttr))
	childs.Close()
	if err != nil {
		return config.StatusFailed, err
	}
	forwarder := signals.forward(cmd.Process, ours)
	console, err := launch(c, host, newborn{cmd.Process, pidfd, ours, forwarder.keys})
	if err != nil {
		_ = cmd.Process.Kill()
	}
	waitErr := cmd.Wait()
	sent := forwarder.stop()
	console.close()
	if err != nil && sent == 0 { // else a signal has ended the child before it was launched
		return config.StatusFailed, err
	}
	var exit *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exit) {
		return config.StatusFailed, fmt.Errorf("wait: %w", waitErr)
	}
	state := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case state.Signaled() && sent != 0:
		return config.StatusSignal + int(sent), nil
	case state.Signaled():
		return config.StatusSignal + int(state.Signal()), nil
	}
	return state.ExitStatus(), nil
}
