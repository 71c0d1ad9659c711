// Package janitor cleans up after this process, whatever ends it.
//
// An error or a signal gives a program time to clean up, SIGKILL does not. So there
// is a second process, this program started once more, that waits for the end of a
// connection. The kernel closes our end of the connection when we die, however we do,
// and then the janitor does its duty.
//
// A janitor waits in package outlive, before it initializes most of the program. Few
// janitors need more: their process exits when the work is done.
package janitor

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"example.com/container-go/05-oci-pull/janitor/outlive"
)

// prefix is what argv[0] of every janitor begins with.
const prefix = "container-go-janitor-"

// Serve does a duty and ends this process, if it is the janitor with this name. It
// must be called by an init function.
func Serve(name string, duty func(argument string)) {
	if os.Args[0] != prefix+name || len(os.Args) != 2 {
		return
	}
	duty(os.Args[1])
	os.Exit(0)
}

// Janitor is a janitor at work.
type Janitor struct{ socket int }

// Start starts the janitor with this name. What it must remove or put right is in its
// argument, or in the files, which are its descriptors 3 and up. Make what it must
// remove after Start returns: then no moment is left in which nobody would remove it.
func Start(name, argument string, files ...*os.File) (*Janitor, error) {
	sockets, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("start the janitor: socketpair: %w", err)
	}
	defer syscall.Close(sockets[1])
	// Go's runtime opens /dev/null in the place of a stdout and stderr that are closed.
	const closed = ^uintptr(0)
	attr := &syscall.ProcAttr{
		Dir: "/", Env: []string{outlive.Variable + "=1"}, Files: []uintptr{uintptr(sockets[1]), closed, closed},
	}
	for _, file := range files {
		attr.Files = append(attr.Files, file.Fd())
	}
	// A session of its own keeps the janitor out of reach of the terminal, and of a
	// signal to our process group. Until it has one, a blocked signal cannot end it.
	attr.Sys = &syscall.SysProcAttr{Setsid: true}
	unblock := blockSignals()
	_, err = syscall.ForkExec("/proc/self/exe", []string{prefix + name, argument}, attr)
	unblock()
	if err != nil {
		syscall.Close(sockets[0])
		return nil, fmt.Errorf("start the janitor: execve /proc/self/exe: %w (or before it: pipe2, clone, setsid, chdir)", err)
	}
	return &Janitor{sockets[0]}, nil
}

// blockSignals blocks the signals that a terminal or a user sends to end programs, for
// this thread and for what it starts.
func blockSignals() (unblock func()) {
	runtime.LockOSThread()
	var blocked, before uint64
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		blocked |= 1 << (s - 1)
	}
	const sigBlock, sigSetMask = 0, 2 // SIG_BLOCK and SIG_SETMASK of rt_sigprocmask(2)
	mask(sigBlock, &blocked, &before)
	return func() {
		mask(sigSetMask, &before, nil)
		runtime.UnlockOSThread()
	}
}

func mask(how uintptr, set, old *uint64) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, how, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

// Entrust sends the janitor a pidfd. It kills that process if we die.
func (j *Janitor) Entrust(pidfd int) error {
	if err := syscall.Sendmsg(j.socket, []byte{0}, syscall.UnixRights(pidfd), nil, syscall.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("send a pidfd to the janitor: sendmsg: %w", err)
	}
	return nil
}

// Dismiss ends the janitor. Its duty is done already, or not needed.
func (j *Janitor) Dismiss() {
	_ = syscall.Sendmsg(j.socket, []byte{outlive.Done}, nil, nil, syscall.MSG_NOSIGNAL)
	syscall.Close(j.socket)
}

// Release ends the janitor after it has done its duty.
func (j *Janitor) Release() { syscall.Close(j.socket) }
