package tests

import (
	"testing"

	"example.com/container-go/tests/harness"
)

// A program is started by a shell at a terminal, or is itself the first process
// there, as under ssh -t or in a window of its own. The shell's job control is
// on, its script goes on after a Ctrl-C, and it reads the terminal in the end,
// which only the foreground process group can.
var startedBy = map[string][]string{
	"shell":    {"sh", "-c", `set -m; trap : INT; "$@"; echo "status=$?"; read line; echo "back=$line"`, "sh"},
	"terminal": nil,
}

// Without a command, at a real terminal, one works as in any shell.
func TestTerminalShell(t *testing.T) {
	harness.From(t, "03-pid", func(t *testing.T, c *harness.Case) {
		for by, under := range startedBy {
			cmd := c.Command()
			cmd.Under = under
			term := cmd.AtTerminal()
			term.Type("echo pid=$$\n")
			term.Expect("pid=1")
			term.Type("hostname\n")
			term.Expect("shadman-lab")
			term.Type("sleep 1000\n")
			sleep := term.AwaitCommand("sleep")
			term.Type(harness.CtrlC)
			gone(t, sleep)
			term.Type("echo $((6*7)) is still there\n")
			term.Expect("42 is still there")
			term.Type("exit 3\n")
			if by == "shell" {
				term.Expect("status=3")
				// The terminal is the shell's again.
				term.Type("word\n")
				term.Expect("back=word")
				term.Wait().Want(0)
			} else {
				term.Wait().Want(3)
			}
		}
	})
}

// Ctrl-C ends a command that does not handle it.
func TestTerminalInterrupt(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		for by, under := range startedBy {
			if by == "terminal" && c.Lesson.Name == runtime6 {
				// Not yet: as the session's leader lesson 6 cannot join the container's
				// process group, so it does not hear of Ctrl-C, and PID 1 ignores it.
				continue
			}
			cmd := c.Command("sleep", "1000")
			cmd.Under = under
			term := cmd.AtTerminal()
			term.AwaitCommand("sleep")
			term.Type(harness.CtrlC)
			if by == "shell" {
				term.Expect("status=130")
				term.Type("word\n")
				term.Expect("back=word")
				term.Wait().Want(0)
			} else {
				term.Wait().Want(130)
			}
		}
	})
}
