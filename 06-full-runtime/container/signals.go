package container

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
)

// catchSignals collects the signals that are meant for the container. SIGHUP and SIGINT
// stay ignored, by the container too, if we were started so: nohup(1) means it.
func catchSignals(terminal bool) <-chan os.Signal {
	caught := make(chan os.Signal, 16)
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
	pid1 *child
	keys chan syscall.Signal // takes the signals that a key has sent to PID 1 already
	sent atomic.Int32        // the signal that we took SIGKILL for
}

func forward(pid1 *child, signals <-chan os.Signal) *forwarder {
	f := &forwarder{pid1: pid1, keys: make(chan syscall.Signal)}
	go func() {
		for {
			select {
			case s := <-signals:
				sig := s.(syscall.Signal)
				if !f.end(sig) && pid1.isCommand() {
					pid1.signal(sig)
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
	// Before its execve PID 1 is still our program. Its handlers are only the Go
	// runtime's, so any signal that asks it to end must end it.
	if f.pid1.isCommand() && !hasDefault(f.pid1.pid, sig) {
		return false
	}
	f.sent.Store(int32(sig))
	f.pid1.signal(unix.SIGKILL)
	return true
}

// signal returns the signal that PID 1 was killed for, or 0.
func (f *forwarder) signal() syscall.Signal {
	if f == nil {
		return 0
	}
	return syscall.Signal(f.sent.Load())
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
