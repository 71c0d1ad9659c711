package tests

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/container-go/tests/harness"
)

// PROGRAM COMMAND runs the command with our stdin, stdout and stderr and our
// exit status.

func TestContractOutput(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		r := c.Run("sh", "-c", "echo out; echo err >&2").Want(0)
		if r.Stdout != "out\n" {
			t.Errorf("stdout has more, or less, than the command's output: what the program itself says belongs on stderr\n%s", r)
		}
		if !strings.Contains(r.Stderr, "err\n") {
			t.Errorf("the command's stderr is not on stderr\n%s", r)
		}
	})
}

func TestContractStdin(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		text := strings.Repeat("from outside\n", 100_000)
		cmd := c.Command("cat")
		cmd.Stdin = strings.NewReader(text)
		if r := cmd.Run().Want(0); r.Stdout != text {
			t.Errorf("cat was given %d bytes and printed %d: the command's stdin is not the program's", len(text), len(r.Stdout))
		}
	})
}

// What looks like a flag is the command's, once the command has begun.
func TestContractArguments(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		r := c.Run("sh", "-c", `for a; do echo "[$a]"; done`, "sh", "two words", "", "-h", "--rootfs", "*").Want(0)
		if r.Stdout != "[two words]\n[]\n[-h]\n[--rootfs]\n[*]\n" {
			t.Errorf("the command's arguments did not arrive as they were given\n%s", r)
		}
	})
}

func TestContractStatus(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		if r := c.Run("sh", "-c", "exit 7"); r.Status != 7 {
			t.Errorf("the command's exit status, 7, is not the program's: who waits for a process learns its status (wait4(2)), and must pass it on\n%s", r)
		}
	})
}

func TestContractStatusOfSignal(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		p, release := c.Command("sh", "-c", "echo ready; read line; kill -KILL $$; echo alive; read line").StartHeld()
		p.Await("ready")
		if _, is := p.FindPID1(); is || c.Lesson.AtLeast("03-pid") {
			// PID 1 cannot kill itself (signal(7)), so we do it from outside.
			if err := syscall.Kill(p.PID1(), syscall.SIGKILL); err != nil && !c.Identity.IsUser() {
				t.Fatal(err)
			}
		}
		release()
		if r := p.Wait(); r.Status != 128+9 {
			t.Errorf("the command was killed by signal 9, so the status should be 128+9\n%s", r)
		}
	})
}

func TestContractShell(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		cmd := c.Command()
		cmd.Stdin = strings.NewReader("echo one\necho two\nexit 5\n")
		if r := cmd.Run(); r.Stdout != "one\ntwo\n" || r.Status != 5 {
			t.Errorf("without a command the program runs a shell, which does what stdin says\n%s", r)
		}
	})
}

func TestContractNoSuchCommand(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		r := c.Run("no-such-command")
		if r.Status == 0 || r.Stdout != "" || !strings.Contains(r.Stderr, "no-such-command") {
			t.Errorf("a command that does not exist is an error that names it\n%s", r)
		}
		noTrace(t, r)
	})
}

// An ordinary user is told what to do, and nothing is done. The words are the lessons'
// own: a program of yours may be started another way.
func TestContractNoRights(t *testing.T) {
	harness.FromTo(t, "01-uts", "04-chroot", func(t *testing.T, c *harness.Case) {
		made := c.Dir() + "/made"
		cmd := c.Command("touch", made)
		cmd.Plain = true
		r := cmd.Run()
		name := "./" + filepath.Base(c.Program.Path)
		lines := strings.Split(strings.TrimSuffix(r.Stderr, "\n"), "\n")
		if c.Program.Name != c.Lesson.Name {
			if r.Stderr == "" {
				t.Errorf("without the rights, an error should say so\n%s", r)
			}
		} else if len(lines) != 2 ||
			!strings.Contains(r.Stderr, "go run -exec sudo "+name) ||
			!strings.Contains(r.Stderr, `go run -exec "unshare -r" `+name) {
			t.Errorf("without the rights, stderr should be two lines, naming\n\tgo run -exec sudo %s\n\tgo run -exec \"unshare -r\" %s\n%s", name, name, r)
		}
		if r.Status == 0 || r.Stdout != "" {
			t.Errorf("without the rights, the status should not be 0 and stdout should be empty\n%s", r)
		}
		if exists(made) {
			t.Errorf("without the rights, the command ran all the same")
		}
	}, harness.User)
}

// Ctrl-C, kill and kill -9: neither the command nor anything else is left, as the
// harness checks after each test.
func TestContractEnds(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
			p := c.Command("sleep", "1000").Start()
			p.AwaitCommand("sleep")
			if sig == syscall.SIGINT {
				p.SignalGroup(sig)
			} else {
				p.Signal(sig)
			}
			if r := p.Wait(); r.Status != 128+int(sig) {
				t.Fatalf("after %v the status should be %d\n%s", sig, 128+int(sig), r)
			}
		}
	})
}

// noTrace checks that an error is one for readers: a line or two.
func noTrace(t *testing.T, r *harness.Result) {
	t.Helper()
	if strings.Contains(r.Stderr, "goroutine ") || strings.Contains(r.Stderr, "panic:") {
		t.Errorf("an error should be a line or two, not a stack trace\n%s", r)
	}
}
