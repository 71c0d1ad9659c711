// Package explain tells, for --explain, what the runtime asks of the kernel. Each
// system call of a container's birth passes its outcome through Step, which is also
// what names it in errors: so what is explained is what was done.
package explain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

var (
	out    io.Writer // nil when there is nobody to explain to
	who    string
	ending = "\n"
)

// width is how much of a line a call may take before the reason goes on the next.
const width = 50

// To has the steps of this process printed from now on, a line each with the name
// of the process that takes them. A terminal in raw mode needs raw, for the cursor
// goes down at a line's end, but not back.
func To(w io.Writer, process string, raw bool) {
	out, who = w, process
	if raw {
		ending = "\r\n"
	}
}

// On reports whether there is somebody to explain to.
func On() bool { return out != nil }

// Stop ends that, and closes what it was printed to if it was for that alone.
func Stop() {
	if closer, ok := out.(io.Closer); ok {
		closer.Close()
	}
	out = nil
}

// Step reports a system call that was made: why, and how it is called with which
// arguments. It returns the call's error with that before it, or nil.
func Step(err error, why, format string, args ...any) error {
	if out == nil && err == nil {
		return nil
	}
	if failure := new(fs.PathError); errors.As(err, &failure) {
		err = failure.Err // the call names the path
	}
	call := fmt.Sprintf(format, args...)
	if out != nil {
		outcome := ""
		if err != nil {
			outcome = " = " + err.Error()
		}
		told := call + outcome
		if len(told) > width {
			Line("%s", told)
			told = ""
		}
		Line("%-*s # %s", width, told, why)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

// Line prints something else that belongs to the story.
func Line(format string, args ...any) {
	if out != nil {
		fmt.Fprintf(out, "%-6s | %s%s", who, fmt.Sprintf(format, args...), ending)
	}
}
