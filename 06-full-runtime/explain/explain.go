// Package explain reports what the runtime asks of the kernel. Each system call of
// a container's birth passes its outcome through Step, which prints it for
// --explain and names it in errors. So --explain cannot drift from the code.
package explain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/printable"
)

var (
	out    io.Writer // nil without --explain
	who    string
	zero   time.Duration
	ending = "\n"
)

// width is how many columns a call may have before the reason goes on the next line.
const width = 50

// To prints the steps of this process from now on. Each line begins with the name of
// the process and the time since start, which the processes of one run share. A
// terminal in raw mode needs raw: there a newline alone does not move the cursor back
// to the left.
func To(w io.Writer, process string, start time.Duration, raw bool) {
	out, who, zero = w, process, start
	if raw {
		ending = "\r\n"
	}
}

// Zero is the start that To was given.
func Zero() time.Duration { return zero }

// On reports whether steps are printed.
func On() bool { return out != nil }

// Stop ends printing, and closes the file that To was given if it is a file.
func Stop() {
	if closer, ok := out.(io.Closer); ok {
		closer.Close()
	}
	out = nil
}

// Error is a step that failed.
type Error struct {
	Call string // a system call or a program, like "pivot_root" or "newuidmap"
	Args string // of the call, a path in most cases
	Err  error  // an errno in most cases
}

func (e *Error) Error() string { return join(e.Call, e.Args) + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Step names the step for package advice.
func (e *Error) Step() string { return e.Call }

// Step reports a call that was made, with its arguments, and why it was made. It
// returns an Error if the call failed.
func Step(err error, why, call, format string, args ...any) error {
	if out == nil && err == nil {
		return nil
	}
	if failure := new(fs.PathError); errors.As(err, &failure) {
		err = failure.Err // the arguments name the path
	}
	arguments := fmt.Sprintf(format, args...)
	if out != nil {
		printStep(join(call, arguments), err, why)
	}
	if err != nil {
		return &Error{call, arguments, err}
	}
	return nil
}

func printStep(call string, err error, why string) {
	if err != nil {
		call += " = " + err.Error()
	}
	if len(call) > width {
		Line("%s", call)
		call = ""
	}
	Line("%-*s # %s", width, call, why)
}

func join(call, args string) string {
	if args == "" {
		return call
	}
	return call + " " + args
}

// Line prints something that is not a step.
func Line(format string, args ...any) {
	if out != nil {
		ms := float64(read(unix.CLOCK_MONOTONIC)-zero) / float64(time.Millisecond)
		fmt.Fprintf(out, "%-6s %5.1f ms | %s%s", who, ms, printable.Text(fmt.Sprintf(format, args...)), ending)
	}
}
