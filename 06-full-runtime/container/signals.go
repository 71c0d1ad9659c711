package container

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
)

// catcher collects the signals that are meant for the container.
type catcher chan os.Signal

// catchSignals begins to. SIGHUP and SIGINT stay ignored, by the container too, if
// we were started so: nohup(1) means it.
func catchSignals(terminal bool) catcher {
	caught := make(catcher, 16)
	for s := unix.SIGHUP; s <= config.LastSignal; s++ {
		resize := s == unix.SIGWINCH && terminal // of which the container's terminal makes its own
		if !slices.Contains(ours, s) && !resize && !signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	return caught
}

// ours are the signals that are not passed on: those that cannot be caught, that tell
// of our children and pipes, that the Go runtime keeps for itself, and that a terminal
// sends us to stop. SIGSEGV and the like are, if they come from kill(2): Go tells these
// from its own faults.
var ours = []syscall.Signal{
	unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGPIPE, unix.SIGURG, unix.SIGPROF, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU,
}

// forwarder passes signals on to PID 1.
//
// The kernel drops a signal that would end PID 1 and that PID 1 has no handler
// for, since its end is the end of the namespace (pid_namespaces(7)). Most programs
// have none and expect to be ended, so we do it with SIGKILL.
type forwarder struct {
	signals catcher
	pid1    *os.Process
	// keys takes the signals that a key has sent to PID 1 already.
	keys   chan syscall.Signal
	socket *os.File       // to PID 1, whose end is closed by its exec
	sent   syscall.Signal // what we took SIGKILL for
	ended  chan struct{}
}

func (c catcher) forward(pid1 *os.Process, socket *os.File) *forwarder {
	f := &forwarder{
		signals: c,
		pid1:    pid1,
		keys:    make(chan syscall.Signal),
		socket:  socket,
		ended:   make(chan struct{}),
	}
	go func() {
		defer close(f.ended)
		for {
			select {
			case s, more := <-f.signals:
				if !more {
					return
				}
				sig := s.(syscall.Signal)
				if !f.end(sig) && f.running() {
					_ = f.pid1.Signal(sig)
				}
			case sig := <-f.keys:
				f.end(sig)
			}
		}
	}()
	return f
}

// end kills PID 1 if the signal is to end it and cannot.
func (f *forwarder) end(sig syscall.Signal) bool {
	if !ends(sig) {
		return false
	}
	// Until it is the command, PID 1 is a program of ours, and what ends one ends
	// it: its handlers are only those that Go has.
	if f.running() && !hasDefault(f.pid1.Pid, sig) {
		return false
	}
	f.sent = sig
	_ = f.pid1.Kill()
	return true
}

// running reports whether PID 1 is the command by now.
func (f *forwarder) running() bool {
	poll := []unix.PollFd{{Fd: int32(f.socket.Fd())}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0 && poll[0].Revents&unix.POLLHUP != 0
}

// stop ends forwarding and tells which signal, if any, SIGKILL stood in for.
func (f *forwarder) stop() syscall.Signal {
	signal.Stop(f.signals)
	close(f.signals)
	<-f.ended
	return f.sent
}

// ends reports whether a signal is a request to end.
func ends(sig syscall.Signal) bool {
	return sig == unix.SIGINT || sig == unix.SIGTERM || sig == unix.SIGQUIT || sig == unix.SIGHUP
}

// hasDefault reports whether a process neither handles nor ignores a signal, nor
// blocks it, as programs do that wait for signals.
func hasDefault(pid int, sig syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if name == "SigBlk" || name == "SigIgn" || name == "SigCgt" {
			mask, err := strconv.ParseUint(value, 16, 64)
			if err != nil || mask&(1<<(sig-1)) != 0 {
				return false
			}
		}
	}
	return true
}
