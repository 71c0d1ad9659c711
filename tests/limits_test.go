package tests

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/container-go/tests/harness"
)

const cgroupTop = "/sys/fs/cgroup"

// limitsError is what the runtime must say on a machine where this identity's
// containers cannot have limits, or "" where they can.
func limitsError(t *testing.T, c *harness.Case) string {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(cgroupTop, &fs); err != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return "systemd.unified_cgroup_hierarchy=1"
	}
	if exists(cgroupTop + "/cgroup.events") {
		harness.Skip(t, "this is the inside of a container: its top cgroup is not the machine's", "run the tests outside of it")
	}
	const delegate = "systemd-run --user --scope -p Delegate=yes"
	switch {
	case !c.Identity.IsUser():
		return ""
	case c.Identity.Uid() != os.Geteuid():
		return delegate // it is in root's cgroup, as we are
	}
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	// systemd delegates to a user the cgroup of the user's own systemd.
	own := strings.TrimSpace(strings.TrimPrefix(string(content), "0::"))
	manager := fmt.Sprintf("/user@%d.service", c.Identity.Uid())
	above, _, found := strings.Cut(own, manager+"/")
	if !found {
		return delegate
	}
	have, err := os.ReadFile(cgroupTop + above + manager + "/cgroup.controllers")
	if err != nil {
		t.Fatal(err)
	}
	for _, controller := range []string{"cpu", "memory", "pids"} {
		if !strings.Contains(" "+strings.TrimSpace(string(have))+" ", " "+controller+" ") {
			return controller
		}
	}
	return ""
}

// limited runs a test where there can be limits. Elsewhere TestLimitsRefused is
// what can be tested; tests/vm/run has machines for both.
func limited(t *testing.T, f func(*testing.T, *harness.Case)) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		if refused := limitsError(t, c); refused != "" {
			t.Skipf("no limits for this user on this machine (%s): run tests/vm/run", refused)
		}
		f(t, c)
	})
}

func TestLimitsRefused(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		want := limitsError(t, c)
		if want == "" {
			t.Skip("limits are possible here: see the other tests")
		}
		for _, flag := range []string{"--memory=64m", "--cpus=0.5", "--pids-limit=20"} {
			r := with(c, []string{flag}, "echo", "unlimited").Run().Want(125)
			if r.Stdout != "" || !strings.Contains(r.Stderr, want) {
				t.Errorf("with %s the error should contain %q\n%s", flag, want, r)
			}
		}
	})
}

func TestLimitsFlags(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		// No limit takes no cgroup, and works everywhere.
		r := with(c, []string{"-m0", "--cpus=0", "--pids-limit=-1"}, "echo", "up").Run()
		if got := r.Output(); got != "up" {
			t.Errorf("printed %q", got)
		}
		for _, bad := range [][2]string{
			{"--memory", "5m"}, {"--memory", "-1"}, {"--memory", "64q"}, {"--cpus", "-0.5"}, {"--cpus", "many"},
			{"--cpus", "0.001"}, {"--pids-limit", "-2"}, {"--pids-limit", "1.5"}, {"--pids-limit", "1"},
		} {
			r := with(c, bad[:], "true").Run().Want(125)
			if first, _, _ := strings.Cut(r.Stderr, "\n"); !strings.Contains(r.Stderr, bad[0]) || !strings.Contains(r.Stderr, bad[1]) {
				t.Errorf("the error should name %s and %s: %s", bad[0], bad[1], first)
			}
		}
	})
}

// The group is the container's own, it is PID 1's from the start, and it is gone
// afterwards, of which the harness makes sure.
func TestLimitsGroup(t *testing.T) {
	limited(t, func(t *testing.T, c *harness.Case) {
		p, release := with(c, []string{"--memory=64m", "--cpus=0.5", "--pids-limit=50"}, "sh", "-c", "cat /proc/1/cgroup; echo up; read line").StartHeld()
		p.Await("up")
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.PID1()))
		if err != nil {
			t.Fatal(err)
		}
		group := cgroupTop + strings.TrimSpace(strings.TrimPrefix(string(content), "0::"))
		if !strings.Contains(group, "/container-go-") {
			t.Errorf("PID 1 is in %s", group)
		}
		for file, want := range map[string]string{
			"memory.max": "67108864", "memory.swap.max": "0", "cpu.max": "50000 100000", "pids.max": "50",
		} {
			got, err := os.ReadFile(group + "/" + file)
			if file == "memory.swap.max" && errors.Is(err, os.ErrNotExist) {
				continue // a kernel without swap
			}
			if strings.TrimSpace(string(got)) != want {
				t.Errorf("%s is %q, %v; want %q", file, got, err, want)
			}
		}
		release()
		if got, want := p.Wait().Want(0).Stdout, "0::/\nup\n"; got != want {
			t.Errorf("inside, /proc/1/cgroup and a word are %q, want %q: the root of its cgroup namespace is not its group", got, want)
		}
	})
}

// Whoever uses more memory is killed. Without a limit it would come to an end all
// the same.
func TestLimitsMemory(t *testing.T) {
	limited(t, func(t *testing.T, c *harness.Case) {
		const use = "head -c 16000000 /dev/zero | tail -n 1 >/dev/null"
		if r := with(c, []string{"-m", "8m"}, "sh", "-c", use).Run().Want(137); r.Killed {
			t.Errorf("not the program was killed, but the runtime\n%s", r)
		}
		with(c, []string{"-m", "64m"}, "sh", "-c", use).Run().Want(0)
	})
}

func TestLimitsPids(t *testing.T) {
	limited(t, func(t *testing.T, c *harness.Case) {
		// A fork bomb with an end. bash tries for 15 s to fork once more.
		r := with(c, []string{"--pids-limit", "20"}, "sh", "-c", `i=1; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); echo $i; done`).Run()
		if last := lastNumber(t, r.Stdout); r.Status == 0 || last != 20 {
			t.Errorf("with --pids-limit=20 there were %d processes\n%s", last, r)
		}
	})
}

func lastNumber(t *testing.T, text string) int {
	t.Helper()
	words := strings.Fields(text)
	if len(words) == 0 {
		return 0
	}
	n, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Half a processor does half the work of one. The work is counted in processor
// time, which, unlike what is done in it, is the same on a machine that others
// keep busy.
func TestLimitsCPUs(t *testing.T) {
	limited(t, func(t *testing.T, c *harness.Case) {
		// The percentage of a second that a loop gets, from /proc/uptime and
		// proc_pid_stat(5), which both count in hundredths.
		const work = `
			look() {
				read up _ </proc/uptime; now=${up%.*}${up#*.}
				read _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ </proc/self/stat; used=$((user + system))
			}
			look; began=$now before=$used
			while [ $now -lt $((began + 100)) ]; do i=0; while [ $i -lt 100 ]; do i=$((i+1)); done; look; done
			echo $((100 * (used - before) / (now - began)))`
		share := func(cpus string) int {
			return lastNumber(t, with(c, []string{"--cpus", cpus}, "sh", "-c", work).Run().Output())
		}
		var seen []string
		for range 5 { // others may be at work in this very machine
			half, one := share("0.5"), share("1")
			if 35 < half && half < 60 && one > 70 {
				return
			}
			seen = append(seen, fmt.Sprintf("%d and %d %%", half, one))
		}
		t.Errorf("what --cpus=0.5 and --cpus=1 gave: %s of a processor", strings.Join(seen, ", "))
	})
}

// A runtime that is killed leaves no group: its janitor removes that, or the next run
// if the janitor was killed too.
func TestLimitsKilled(t *testing.T) {
	limited(t, func(t *testing.T, c *harness.Case) {
		for _, janitorToo := range []bool{false, true} {
			p := with(c, []string{"--pids-limit=50"}, "sh", "-c", "sleep 1000 & exec sleep 1001").Start()
			p.AwaitCommand("sleep")
			killJanitors(p, janitorToo)
			p.Signal(syscall.SIGKILL)
			p.Wait()
			c.Run("true").Want(0)
		}
	})
}

// killJanitors kills the janitors of a run, if we want that.
func killJanitors(p *harness.Process, want bool) {
	for _, pid := range p.Processes() {
		if want && strings.HasPrefix(harness.CommandLine(pid), "container-go-janitor") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
