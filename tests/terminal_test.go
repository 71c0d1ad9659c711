package tests

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"example.com/container-go/tests/harness"
)

// A program is started by a shell at a terminal, or is itself the first process
// there, as under ssh -t or in a window of its own. The shell's job control is
// on, its script goes on after a Ctrl-C, and it reads the terminal in the end,
// which only the foreground process group can. It waits for another line before it
// ends: the end of a session's leader is a hangup, at which Linux throws away what it
// has just written and nobody has read yet.
var startedBy = map[string][]string{
	"shell":    {"sh", "-c", `set -m; trap : INT; "$@"; echo "status=$?"; read line; echo "back=$line"; read line`, "sh"},
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
			endsAs(term, by, 3)
		}
	})
}

// endsAs demands that the program ends with a status, and that a shell that has
// started it is told so and has the terminal back.
func endsAs(term *harness.Terminal, by string, status int) {
	if by != "shell" {
		term.Wait().Want(status)
		return
	}
	term.Expect(fmt.Sprintf("status=%d", status))
	isBack(term)
}

// isBack demands that the shell reads the terminal again.
func isBack(term *harness.Terminal) {
	term.Type("word\n")
	term.Expect("back=word")
	term.Type("bye\n")
	term.Wait().Want(0)
}

// Ctrl-C ends a command that does not handle it.
func TestTerminalInterrupt(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		for by, under := range startedBy {
			cmd := c.Command("sleep", "1000")
			cmd.Under = under
			term := cmd.AtTerminal()
			term.AwaitCommand("sleep")
			term.Type(harness.CtrlC)
			endsAs(term, by, 130)
		}
	})
}

// Lesson 6 gives the container a terminal of its own, as large as ours, and ours
// has its mode back when the runtime ends, also when it is killed.
func TestTerminalOwn(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, kill := range []bool{false, true} {
			cmd := c.Command()
			cmd.Under = startedBy["shell"]
			term := cmd.AtTerminal()
			term.Resize(20, 70)
			term.Type("tty; ls -l /dev/console\n")
			term.Expect("/dev/pts/0\r\n")
			term.Expect("136")
			if !term.Raw() {
				t.Error("our terminal is not in raw mode: it would act on keys that are the container's")
			}
			term.Resize(30, 80)
			term.Type("while [ \"$(stty size)\" != '30 80' ]; do :; done; echo re''sized\n")
			term.Expect("resized\r\n")
			if kill {
				if err := syscall.Kill(term.AwaitCommand(filepath.Base(c.Program.Path)), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				term.Expect("status=137")
			} else {
				term.Type("exit 3\n")
				term.Expect("status=3")
			}
			for deadline := time.Now().Add(5 * time.Second); term.Raw(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("our terminal was left in raw mode (killed: %v)", kill)
				}
			}
			isBack(term)
		}
	})
}
