package container

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A container at a terminal gets a pseudo-terminal of its own: a pair of
// devices, one that looks like a terminal to the container, and one for us. What
// is typed we write to ours, and what comes out of it we show (pty(7)). So job
// control works, as our own terminal's cannot, whose process groups have no
// number in there; and nothing in the container can reach our terminal.

// ctrlD is the key that ends the input from a terminal.
const ctrlD = 4

// console is our side of the container's terminal.
type console struct {
	terminal *terminal // our own, nil if we are not at one
	pty      *os.File
	ended    chan struct{} // closed when PID 1 is dead
	shown    chan struct{} // closed when all output is shown
	resized  chan os.Signal
	literal  bool // the next key is to be taken as it is: the last was Ctrl-V
}

// receiveConsole takes our side from the child, and makes our own terminal raw.
// If the child ends before it sends one, there is no console to serve; its
// status will tell why.
func receiveConsole(child *os.File) (*console, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(child.Fd()), make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("receive the container's terminal: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return nil, fmt.Errorf("receive the container's terminal: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, fmt.Errorf("receive the container's terminal: %w", err)
	}
	// Go waits for it in its own way then, and Close ends a Read.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		return nil, fmt.Errorf("fcntl O_NONBLOCK: %w", err)
	}
	c := &console{
		pty:     os.NewFile(uintptr(fds[0]), "pty"),
		ended:   make(chan struct{}),
		shown:   make(chan struct{}),
		resized: make(chan os.Signal, 1),
	}
	if term.IsTerminal(0) {
		if c.terminal, err = makeRaw(os.Stdin); err != nil {
			c.pty.Close()
			return nil, err
		}
	}
	return c, nil
}

// serve passes on what is typed and shown. Signals that the container's terminal
// sent to PID 1 because of a key are reported to keys.
func (c *console) serve(pid1 int, keys chan<- syscall.Signal) {
	if c == nil {
		return
	}
	signal.Notify(c.resized, unix.SIGWINCH, unix.SIGCONT)
	c.resize() // it may have changed since we sent it
	go func() {
		for s := range c.resized {
			if s == unix.SIGCONT && c.terminal != nil { // the shell that stopped us has set its own mode
				_ = c.terminal.raw()
			}
			c.resize()
		}
	}()
	go c.passKeys(pid1, keys)
	go c.show()
}

// passKeys passes on what is typed until there is no more.
func (c *console) passKeys(pid1 int, keys chan<- syscall.Signal) {
	buffer := make([]byte, 4096)
	begun := false // a line, which ctrlD passes on and does not end
	for {
		n, err := os.Stdin.Read(buffer)
		switch {
		case err != nil && c.terminal != nil:
			// Our terminal is gone: so is the container's, as its processes learn.
			c.pty.Close()
			return
		case err != nil:
			if begun {
				_, _ = c.pty.Write([]byte{ctrlD})
			}
			_, _ = c.pty.Write([]byte{ctrlD})
			return
		}
		begun = buffer[n-1] != '\n'
		if _, err := c.pty.Write(buffer[:n]); err != nil {
			return
		}
		if sig := c.signalOf(buffer[:n], pid1); sig != 0 {
			keys <- sig
		}
	}
}

// show shows the output. The pty reports EIO when no process has the container's
// side open, but one may open it again as long as there are any.
func (c *console) show() {
	defer close(c.shown)
	for {
		_, _ = io.Copy(os.Stdout, c.pty)
		select {
		case <-c.ended:
			_, _ = io.Copy(os.Stdout, c.pty)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// control calls f with our side's descriptor, unless it is closed.
func (c *console) control(f func(fd int)) {
	if raw, err := c.pty.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

// signalOf tells which signal the container's terminal makes of what was typed,
// if PID 1 is in its foreground.
func (c *console) signalOf(typed []byte, pid1 int) (sig syscall.Signal) {
	c.control(func(fd int) {
		foreground, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		if err != nil || foreground != pid1 {
			return
		}
		mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return
		}
		const quoting = unix.ICANON | unix.IEXTEN
		for _, key := range typed {
			switch {
			case c.literal:
				c.literal = false
			case key == 0: // in place of a key it means that there is none
			case key == mode.Cc[unix.VLNEXT] && mode.Lflag&quoting == quoting:
				c.literal = true
			case key == mode.Cc[unix.VINTR] && mode.Lflag&unix.ISIG != 0:
				sig = unix.SIGINT
			case key == mode.Cc[unix.VQUIT] && mode.Lflag&unix.ISIG != 0:
				sig = unix.SIGQUIT
			}
		}
	})
	return sig
}

// terminalSize is the size of our terminal, nil if it does not tell.
func terminalSize() *unix.Winsize {
	size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return size
}

// resize makes the container's terminal as large as ours.
func (c *console) resize() {
	if size := terminalSize(); size != nil {
		c.control(func(fd int) { _ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size) })
	}
}

// close shows what is left and gives our terminal its mode back.
func (c *console) close() {
	if c == nil {
		return
	}
	close(c.ended)
	<-c.shown
	if c.terminal != nil {
		c.terminal.restore()
	}
	c.pty.Close()
}
