package harness

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is a program at a pseudo-terminal, which is its controlling terminal.
// What it prints, and the echo of what is typed, is Stdout.
type Terminal struct {
	*Process
	keyboard *os.File
	seen     int // what Expect has consumed of Stdout
}

// AtTerminal starts the program at a terminal. It is the session's leader; put a
// shell into Under for one that is not.
func (cmd *Command) AtTerminal() *Terminal {
	t := cmd.c.t
	t.Helper()
	master, slave := openTerminal(t)
	cmd.c.Identity.Give(t, slave.Name())
	x := cmd.exec()
	x.Env = append(x.Env, "TERM=xterm")
	x.Stdin, x.Stdout, x.Stderr = slave, slave, slave
	x.SysProcAttr.Setctty = true
	term := &Terminal{
		Process:  &Process{Stdout: newOutput(), Stderr: newOutput(), cmd: cmd, exec: x, t: t},
		keyboard: master,
	}
	over := make(chan struct{})
	term.start(over)
	slave.Close()
	go func() {
		defer close(over)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			_, _ = term.Stdout.Write(buffer[:n])
			if err != nil {
				return // EIO: nobody has the other side open any more
			}
		}
	}()
	t.Cleanup(func() { master.Close() })
	return term
}

// Type presses keys.
func (term *Terminal) Type(keys string) {
	term.t.Helper()
	if _, err := term.keyboard.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// CtrlC is the key that sends SIGINT to the terminal's foreground processes.
const CtrlC = "\x03"

// Expect waits until a text appears after the one expected before. The echo of
// the keys counts: expect what the command line does not contain.
func (term *Terminal) Expect(text string) {
	term.t.Helper()
	if !term.Stdout.await(text, term.seen, term.ended) {
		now := "it still runs"
		select {
		case <-term.ended:
			now = "it has ended: " + term.exec.ProcessState.String()
		default:
		}
		term.t.Fatalf("%s: no %q on the terminal, and %s; what is there:\n%s", term.cmd, text, now, indent(term.Stdout.String()))
	}
	have := term.Stdout.String()
	for term.seen+len(text) <= len(have) && have[term.seen:term.seen+len(text)] != text {
		term.seen++
	}
	term.seen += len(text)
}

// Foreground is the terminal's foreground process group.
func (term *Terminal) Foreground() int {
	term.t.Helper()
	group, err := unix.IoctlGetInt(int(term.keyboard.Fd()), unix.TIOCGPGRP)
	if err != nil {
		term.t.Fatal(err)
	}
	return group
}

// Resize makes the terminal so large.
func (term *Terminal) Resize(rows, columns uint16) {
	term.t.Helper()
	size := &unix.Winsize{Row: rows, Col: columns}
	if err := unix.IoctlSetWinsize(int(term.keyboard.Fd()), unix.TIOCSWINSZ, size); err != nil {
		term.t.Fatal(err)
	}
}

// Raw reports whether the terminal is in raw mode: it does not echo keys.
func (term *Terminal) Raw() bool {
	term.t.Helper()
	mode, err := unix.IoctlGetTermios(int(term.keyboard.Fd()), unix.TCGETS)
	if err != nil {
		term.t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO == 0
}

// openTerminal makes a pseudo-terminal, see pts(4).
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	if controlErr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); controlErr != nil {
		err = controlErr
	}
	if err != nil {
		t.Fatalf("unlock the terminal: %v", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
