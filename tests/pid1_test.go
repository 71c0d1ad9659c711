package tests

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/container-go/tests/harness"
)

const notPermitted = "if a mount(2) is not permitted, the child is not in a PID namespace of its own (CLONE_NEWPID) or not in a mount namespace of its own (CLONE_NEWNS), or, in a user namespace, the host's proc has flags that this one lacks (MS_NOSUID, MS_NOEXEC, MS_NODEV)"

func TestPid1(t *testing.T) {
	harness.From(t, "03-pid", func(t *testing.T, c *harness.Case) {
		cmd := c.Command("sh", "-c", "echo $$")
		cmd.Hint = notPermitted
		if got := cmd.Run().Output(); got != "1" {
			t.Errorf("inside, the command is process %s, not 1: clone(2) was not asked for a PID namespace (CLONE_NEWPID), or the command was started as one more process and not by execve(2)", got)
		}
	})
}

// /proc shows the processes of the container, and no others.
func TestPid1Proc(t *testing.T) {
	harness.From(t, "03-pid", func(t *testing.T, c *harness.Case) {
		cmd := c.Command("sh", "-c", "cd /proc; for p in [0-9]*; do [ ! -d $p ] || echo $p; done")
		cmd.Hint = notPermitted
		got := cmd.Run().Output()
		if got != "1" {
			t.Errorf("inside, /proc shows %d processes, not only number 1: no new proc was mounted on /proc, or not from inside the PID namespace", len(strings.Fields(got)))
		}
	})
}

func TestPid1ProcFlags(t *testing.T) {
	harness.From(t, "03-pid", func(t *testing.T, c *harness.Case) {
		var options string // of what is mounted last, and so on top
		cmd := c.Command("cat", "/proc/mounts")
		cmd.Hint = notPermitted
		for line := range strings.Lines(cmd.Run().Output()) {
			if fields := strings.Fields(line); fields[1] == "/proc" {
				options = "," + fields[3] + ","
			}
		}
		for _, want := range []string{"nosuid", "noexec", "nodev"} {
			if !strings.Contains(options, ","+want+",") {
				t.Errorf("proc is mounted without %s: mount(2) was not given MS_%s; the options are %s", want, strings.ToUpper(want), strings.Trim(options, ","))
			}
		}
	})
}

// The host's /proc is the host's, during and after.
func TestPid1HostProc(t *testing.T) {
	for _, sig := range []syscall.Signal{0, syscall.SIGINT, syscall.SIGKILL} {
		name := "end"
		if sig != 0 {
			name = map[syscall.Signal]string{syscall.SIGINT: "Ctrl-C", syscall.SIGKILL: "kill -9"}[sig]
		}
		// A program that fails one of them fails all, and waiting takes time.
		if !t.Run(name, func(t *testing.T) {
			harness.From(t, "03-pid", func(t *testing.T, c *harness.Case) {
				cmd := c.Command("sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo ready; read line")
				cmd.Hint = notPermitted
				p, release := cmd.StartHeld()
				p.Await("ready")
				hostProc(t, "while the command runs")
				running := p.Processes()
				switch sig {
				case 0:
					release()
				case syscall.SIGINT:
					p.SignalGroup(sig)
				default:
					p.Signal(sig)
				}
				p.Wait()
				hostProc(t, "afterwards")
				for _, pid := range running {
					gone(t, pid)
				}
			})
		}) {
			return
		}
	}
}

func hostProc(t *testing.T, when string) {
	t.Helper()
	if self, err := os.Readlink("/proc/self"); self != fmt.Sprint(os.Getpid()) {
		t.Errorf("%s, the host's /proc no longer shows the host's processes (/proc/self is %q, %v): the container's was mounted over it, without a mount namespace (CLONE_NEWNS)", when, self, err)
	}
}

// gone waits for a process to end that has no choice.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(*harness.Grace); harness.Alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("process %d has outlived the program that started it: nothing asked the kernel to kill it (Pdeathsig), or it is not in a PID namespace whose PID 1 is dead", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}
