package container

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal, shared with the container.
//
// Shells set the terminal's foreground process group and put it back when they
// end. Our own group has no number in the container's PID namespace, so there
// would be nothing to put back: the child gets a group of its own, in the
// foreground. We join it, so that Ctrl-C reaches us too, and leave in the end.
type terminal struct {
	tty    *os.File // nil without a terminal, or in the background
	group  int      // the process group that we come from
	shared bool     // we have joined the child's
	stops  chan os.Signal
}

// takeTerminal has the child start in the foreground, if we are there.
func takeTerminal(attr *syscall.SysProcAttr) *terminal {
	t := &terminal{group: unix.Getpgrp()}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return t
	}
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	if err != nil || foreground != t.group {
		tty.Close()
		return t
	}
	t.tty = tty
	attr.Foreground, attr.Ctty = true, int(tty.Fd())
	return t
}

// share joins the child's process group. A session leader cannot; then the
// terminal's signals reach the container alone.
func (t *terminal) share(child *os.Process) {
	if t.tty == nil {
		return
	}
	t.shared = unix.Setpgid(0, child.Pid) == nil
	// Who started us could not continue us after a Ctrl-Z: it does not know our
	// new group. It still stops what runs inside a shell in the container.
	t.stops = make(chan os.Signal, 1)
	signal.Notify(t.stops, unix.SIGTSTP)
}

// giveBack leaves the terminal to the process group that we come from.
func (t *terminal) giveBack() {
	if t.tty == nil {
		return
	}
	// Being in the background is no reason to be stopped now.
	signal.Ignore(unix.SIGTTOU)
	_ = unix.IoctlSetPointerInt(int(t.tty.Fd()), unix.TIOCSPGRP, t.group)
	_ = unix.Setpgid(0, t.group)
	signal.Reset(unix.SIGTTOU, unix.SIGTSTP)
	t.tty.Close()
}
