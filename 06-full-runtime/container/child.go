package container

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// child is PID 1, as the parent sees it.
type child struct {
	pid    int
	pidfd  int      // never another process, even when the number is used again
	socket *os.File // PID 1's end is closed by its execve
}

// start clones the child, which then waits for its message. Package os would start
// another process first, to learn whether the kernel has pidfds; ours must have them.
func start(c config.Config, host Host) (*child, error) {
	ours, childs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer childs.Close()
	path, env, err := program()
	if err != nil {
		ours.Close()
		return nil, err
	}
	p := &child{pidfd: -1, socket: ours}
	attr := &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{0, 1, 2, childs.Fd()}, // 3 is the child's end of the socket
		Sys:   namespaces(c, host),
	}
	attr.Sys.PidFD = &p.pidfd
	p.pid, err = syscall.ForkExec(path, []string{config.ChildName}, attr)
	if err != nil {
		// Package syscall makes more calls in the child, and does not tell which one failed.
		err = fmt.Errorf("%w (or in the child: setsid, unshare, prctl, capget, capset, execve)", err)
	}
	err = explain.Step(err, "a child in namespaces of its own, where it is PID 1", "clone", "%s", flagNames(attr.Sys))
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// socketpair returns the two ends of a connection.
func socketpair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "child"), os.NewFile(uintptr(fds[1]), "parent"), nil
}

// signal sends a signal. It has no effect after wait.
func (p *child) signal(sig syscall.Signal) { _ = unix.PidfdSendSignal(p.pidfd, sig, nil, 0) }

// isCommand reports whether PID 1 is the command by now: execve has closed its end of
// the socket.
func (p *child) isCommand() bool {
	poll := []unix.PollFd{{Fd: int32(p.socket.Fd())}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0 && poll[0].Revents&unix.POLLHUP != 0
}

// wait waits for the end of PID 1, and with it of everything in its PID namespace.
func (p *child) wait() (status syscall.WaitStatus, err error) {
	for {
		_, err = syscall.Wait4(p.pid, &status, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return status, err
}

// close closes what start opened.
func (p *child) close() {
	p.socket.Close()
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
	}
}
