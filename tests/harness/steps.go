package harness

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Steps is the stderr of a program that waits after each line until the line is read.
type Steps struct{ r *os.File }

// StartSteps starts the program with a stderr that has room for one line. The program
// waits when it writes another line, so a test can stop it between any two lines that
// --explain prints. A pipe in packet mode (O_DIRECT, see pipe(2)) keeps each write in
// a page of its own, and the pipe has one page.
func (cmd *Command) StartSteps() (*Process, *Steps) {
	t := cmd.c.t
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_DIRECT); err != nil {
		t.Fatal("pipe2: ", err)
	}
	r, w := os.NewFile(uintptr(fds[0]), "steps"), os.NewFile(uintptr(fds[1]), "stderr")
	t.Cleanup(func() { r.Close() })
	if _, err := unix.FcntlInt(r.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
		t.Fatal("fcntl F_SETPIPE_SZ: ", err)
	}
	x := cmd.exec()
	p := &Process{Stdout: newOutput(), Stderr: newOutput(), cmd: cmd, exec: x, t: t}
	x.Stdout, x.Stderr = p.Stdout, w
	p.start(nil)
	w.Close()
	return p, &Steps{r}
}

// Next waits for the next line. It returns "" when no process can write another one.
func (s *Steps) Next() string {
	line := make([]byte, os.Getpagesize())
	n, err := s.r.Read(line)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(line[:n]), "\r\n")
}

// Waiting reports whether there is a line to read (FIONREAD, of which TIOCINQ is another name).
func (s *Steps) Waiting() bool {
	n, err := unix.IoctlGetInt(int(s.r.Fd()), unix.TIOCINQ)
	return err == nil && n > 0
}

// Rest reads the lines until no process can write another one.
func (s *Steps) Rest() (lines []string) {
	for line := s.Next(); line != ""; line = s.Next() {
		lines = append(lines, line)
	}
	return lines
}
