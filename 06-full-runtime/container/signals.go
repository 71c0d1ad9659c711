package container

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// catcher collects the signals that would end us and are meant for the
// container.
type catcher chan os.Signal

func catchSignals() catcher {
	c := make(catcher, 16)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	return c
}

// forward passes the signals on to PID 1 until the returned function is called,
// which tells with what signal, if any, we had to end PID 1 ourselves. Signals
// from keys have reached PID 1 already.
//
// The kernel drops a signal that would end PID 1 and that PID 1 has no handler
// for: signal(7) excepts it, since its end is the end of the namespace. Most
// programs have none and expect to be ended, so we do it with SIGKILL.
func (c catcher) forward(pid1 *os.Process, keys <-chan syscall.Signal) (ended func() syscall.Signal) {
	var last atomic.Int64
	go func() {
		for {
			var sig syscall.Signal
			var typed bool
			select {
			case s, more := <-c:
				if !more {
					return
				}
				sig = s.(syscall.Signal)
				typed = (sig == unix.SIGINT || sig == unix.SIGQUIT) && shareKeyboard(pid1.Pid)
			case sig = <-keys:
				typed = true
			}
			switch {
			case ends(sig) && hasDefault(pid1.Pid, sig):
				last.Store(int64(sig))
				_ = pid1.Kill()
			case !typed:
				_ = pid1.Signal(sig)
			}
		}
	}()
	return func() syscall.Signal {
		signal.Stop(c)
		close(c)
		return syscall.Signal(last.Load())
	}
}

// shareKeyboard reports whether Ctrl-C reaches PID 1 as well as us: we have one
// process group, in the foreground of a terminal.
func shareKeyboard(pid1 int) bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	if err != nil || foreground != unix.Getpgrp() {
		return false
	}
	group, err := unix.Getpgid(pid1)
	return err == nil && group == foreground
}

// ends reports whether a signal is a request to end.
func ends(sig syscall.Signal) bool {
	return sig == unix.SIGINT || sig == unix.SIGTERM || sig == unix.SIGQUIT || sig == unix.SIGHUP
}

// hasDefault reports whether a process neither handles nor ignores a signal.
func hasDefault(pid int, sig syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if name == "SigIgn" || name == "SigCgt" {
			mask, err := strconv.ParseUint(value, 16, 64)
			if err != nil || mask&(1<<(sig-1)) != 0 {
				return false
			}
		}
	}
	return true
}
