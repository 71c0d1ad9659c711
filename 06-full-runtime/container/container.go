// Package container is the parent's half: it clones a child into new namespaces,
// sends it one message, passes on signals and the terminal, and waits. Package inside
// is the child's half.
package container

import (
	"math"
	"runtime"

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
	p, err := start(c, host)
	if err != nil {
		return config.StatusFailed, err
	}
	defer p.close()
	forwarder, err := launch(c, host, p)
	var console *console
	if err == nil && c.Terminal {
		console, err = receiveConsole(p.socket)
		console.serve(p.pid, forwarder.keys)
	}
	if err != nil {
		p.signal(unix.SIGKILL)
	}
	ended, waitErr := p.wait()
	sent := forwarder.signal()
	console.close() // which must come first: our terminal is in raw mode
	waitErr = explain.Step(waitErr, "the command has ended, and with PID 1 all else in its PID namespace", "wait4", "%d", p.pid)
	switch {
	case err != nil && sent == 0: // else a signal has ended the child before it was launched
		return config.StatusFailed, err
	case waitErr != nil:
		return config.StatusFailed, waitErr
	case ended.Signaled() && sent != 0:
		return config.StatusSignal + int(sent), nil
	case ended.Signaled():
		return config.StatusSignal + int(ended.Signal()), nil
	}
	return ended.ExitStatus(), nil
}
