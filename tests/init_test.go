package tests

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/container-go/tests/harness"
)

// With --init, PID 1 is an init that waits for whatever is orphaned, and the
// command is its child.
func TestInitReaps(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		// The inner shell dies before its child, which then is PID 1's.
		const script = `sh -c 'sleep 0.1 & echo $!' >/tmp/orphan; read orphan </tmp/orphan
			while [ -e /proc/$orphan ]; do
				grep -q '^State:.Z' /proc/$orphan/status 2>/dev/null && n=$((n+1)) && [ $n -gt 200 ] && echo zombie && break
			done; [ $$ = 1 ] || echo child`
		if got := with(c, []string{"--init"}, "sh", "-c", script).Run().Output(); got != "child" {
			t.Errorf("with --init the command should not be PID 1, and an orphan that has ended be gone; it printed %q", got)
		}
	})
}

// It ends as the command does, and with it all else in the container ends.
func TestInitStatus(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for want, args := range map[int][]string{
			7:   {"sh", "-c", "sleep 1000 & exit 7"},
			137: {"sh", "-c", "kill -KILL $$"},
			127: {"no-such-command"},
			126: {"/etc"},
		} {
			if r := with(c, []string{"--init"}, args...).Run(); r.Status != want {
				t.Errorf("with --init the status should be %d\n%s", want, r)
			}
		}
	}, harness.Root, harness.User)
}

// Signals reach the command, and those that it does not handle end it, as
// everywhere but in PID 1.
func TestInitSignals(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1, syscall.Signal(40)} {
			p := with(c, []string{"--init"}, "sleep", "1000").Start()
			p.AwaitCommand("sleep")
			p.Signal(sig)
			if r := p.Wait(); r.Status != 128+int(sig) {
				t.Fatalf("with --init, after signal %d the status should be %d\n%s", sig, 128+int(sig), r)
			}
		}
		// Before there is a command, or an init with handlers for it, as well.
		for delay := range 20 * harness.Scaled(1) {
			p := with(c, []string{"--init"}, "sleep", "1000").Start()
			time.Sleep(time.Duration(2*(delay%20)) * time.Millisecond)
			p.Signal(syscall.SIGTERM)
			if r := p.Wait(); r.Status != 128+int(syscall.SIGTERM) {
				t.Fatalf("with --init, after SIGTERM %d ms after the start the status should be 143\n%s", 2*(delay%20), r)
			}
		}
		p, release := with(c, []string{"--init"}, "sh", "-c", "trap 'echo got it; exit 9' HUP; echo ready; read line").StartHeld()
		p.Await("ready")
		p.Signal(syscall.SIGHUP)
		if r := p.Wait(); r.Status != 9 || !strings.Contains(r.Stdout, "got it") {
			t.Errorf("with --init, SIGHUP did not reach the command's handler\n%s", r)
		}
		release()
	}, harness.Root, harness.User)
}

// At a terminal the command is in its foreground, with job control.
func TestInitTerminal(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		term := with(c, []string{"--init"}).AtTerminal()
		term.Type("sleep 1000\n")
		sleep := term.AwaitCommand("sleep")
		term.Type(harness.CtrlC)
		gone(t, sleep)
		term.Type("sleep 1001 &\n")
		term.AwaitCommand("sleep")
		term.Type("jobs; echo $((6*7))\n")
		term.Expect("sleep 1001")
		term.Expect("42")
		term.Type("exit 3\n")
		term.Wait().Want(3)
	}, harness.Root, harness.User)
}
