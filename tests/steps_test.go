package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/container-go/tests/harness"
)

// victims are the processes of a start that a test kills, alone and in pairs.
var victims = [][]string{
	{"parent"}, {"PID 1"}, {"janitor"},
	{"parent", "janitor"}, {"parent", "PID 1"}, {"PID 1", "janitor"},
}

// A start that is killed at any of its steps leaves nothing, whichever of its processes
// are killed. Each step is tried with one choice of victims, and with all if the tests
// run with -scale=6.
func TestRuntimeKilledAtSteps(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		steps, hits := stepsOf(t, c), map[string]int{}
		for step := range steps {
			for scale := range harness.Scaled(1) {
				who := victims[(step+scale)%len(victims)]
				p := startUntil(c, step)
				hits[steps[step]] += kill(p.Process, who)
				// If the container still runs, it has lost its janitor at most.
				_ = syscall.Kill(p.Pid(), syscall.SIGTERM)
				p.steps.Rest()
				p.Wait()
			}
		}
		nothingLeft(t, c)
		for i, step := range steps {
			if hits[step] == 0 {
				t.Errorf("nothing was killed at step %d: %s", i+1, step)
			}
			t.Logf("%d killed at step %d: %s", hits[step], i+1, step)
		}
	})
}

// Nor does a start that is killed at a random instant. -scale=100 tries 2,000 of them.
func TestRuntimeKilledEarly(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		c.Run("true").Want(0)
		for range harness.Scaled(5) {
			p := c.Command("sleep", "1000").Start()
			time.Sleep(rand.N(20 * time.Millisecond))
			kill(p, victims[rand.N(len(victims))])
			_ = syscall.Kill(p.Pid(), syscall.SIGTERM)
			p.Wait()
		}
		nothingLeft(t, c)
	})
}

// A signal that asks the runtime to end is obeyed at each step of a start.
func TestRuntimeSignalsAtSteps(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}
		for step, what := range stepsOf(t, c) {
			sig := signals[step%len(signals)]
			p := startUntil(c, step)
			p.Signal(sig)
			p.steps.Rest()
			if r := p.Wait(); r.Status != 128+int(sig) {
				t.Errorf("after %v at step %d (%s) the status is %d, not %d", sig, step+1, what, r.Status, 128+int(sig))
			}
		}
		nothingLeft(t, c)
	})
}

// PID 1 does not become the command before the runtime can pass signals on to it. The
// runtime is stopped when it has sent the message, while it waits to print that.
func TestRuntimeSignalsReady(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		c.Run("true").Want(0) // the image is in the store from here on
		all := strings.Split(explainedTrue(c), "\n")
		message := slices.IndexFunc(all, func(line string) bool { return strings.Contains(line, "write PID 1's socket") })
		if message < 2 {
			t.Fatalf("--explain should show that the runtime writes PID 1's socket: %q", all)
		}
		p, lines := explained(c).StartSteps()
		for range message - 1 {
			lines.Next()
		}
		for deadline := time.Now().Add(*harness.Grace); !lines.Waiting() || !inPipeWrite(p.Pid()); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the runtime does not wait for the line before \"write PID 1's socket\" to be read")
			}
		}
		p.Signal(syscall.SIGSTOP)
		// Then PID 1 has nothing more to print, and waits.
		last, more := "", make(chan string)
		go func() {
			defer close(more)
			for line := lines.Next(); line != ""; line = lines.Next() {
				more <- line
			}
		}()
		for quiet := false; !quiet; {
			select {
			case last = <-more:
			case <-time.After(100 * time.Millisecond):
				quiet = true
			}
		}
		if !strings.Contains(last, "PR_SET_PDEATHSIG") {
			t.Errorf("while the runtime is stopped, the last step should be prctl PR_SET_PDEATHSIG, and no execve. It is: %s", last)
		}
		p.Signal(syscall.SIGCONT)
		go func() {
			for range more {
			}
		}()
		p.AwaitCommand("sleep")
		p.Signal(syscall.SIGTERM)
		p.Wait().Want(128 + int(syscall.SIGTERM))
	}, harness.Root, harness.User)
}

// The death signal outlives PID 1's execve. Without a janitor, nothing else ends the
// container of a runtime that is killed. Root's user namespace is the hardest case: an
// execve(2) by which PID 1 gains capabilities would clear the signal (prctl(2)).
func TestRuntimeDeathSignal(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		p := c.Command("sleep", "1000").Start()
		sleep := p.AwaitCommand("sleep")
		kill(p, []string{"janitor", "parent"}) // else the janitor may kill PID 1 first
		p.Wait()
		gone(t, sleep)
		nothingLeft(t, c)
	}, harness.RootUserNS)
}

// inPipeWrite reports whether a thread of a process waits for room in a pipe.
func inPipeWrite(pid int) bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
	return slices.ContainsFunc(tasks, func(path string) bool {
		where, _ := os.ReadFile(path)
		return strings.Contains(string(where), "pipe_write")
	})
}

// stepped is a run that waits after each line of --explain.
type stepped struct {
	*harness.Process
	steps *harness.Steps
}

func explained(c *harness.Case) *harness.Command {
	return with(c, []string{"--explain"}, "sleep", "1000")
}

func explainedTrue(c *harness.Case) string {
	return with(c, []string{"--explain"}, "true").Run().Want(0).Stderr
}

// stepsOf lists the steps of a start.
func stepsOf(t *testing.T, c *harness.Case) (steps []string) {
	c.Run("true").Want(0) // the image is in the store from here on
	p, lines := explained(c).StartSteps()
	for line := lines.Next(); line != ""; line = lines.Next() {
		if isStep(line) {
			steps = append(steps, line)
		}
		if strings.Contains(line, "execve") {
			break
		}
	}
	p.Signal(syscall.SIGTERM)
	lines.Rest()
	p.Wait()
	if len(steps) < 10 {
		t.Fatalf("--explain prints only these steps: %q", steps)
	}
	return steps
}

func isStep(line string) bool { return strings.Contains(line, " | ") && strings.Contains(line, " # ") }

// startUntil starts a run that waits once it has taken a step.
func startUntil(c *harness.Case, step int) stepped {
	p, lines := explained(c).StartSteps()
	for line := lines.Next(); line != ""; line = lines.Next() {
		if isStep(line) {
			step--
		}
		if step < 0 {
			break
		}
	}
	return stepped{p, lines}
}

// kill kills those processes of a run that exist yet, or the parent if none of them
// does, and counts them.
func kill(p *harness.Process, who []string) (hits int) {
	pids := map[string]int{"parent": p.Pid()}
	pids["PID 1"], _ = p.FindPID1()
	for _, pid := range p.Processes() {
		if strings.HasPrefix(harness.CommandLine(pid), "container-go-janitor") {
			pids["janitor"] = pid
		}
	}
	if !slices.ContainsFunc(who, func(name string) bool { return pids[name] != 0 }) {
		who = []string{"parent"}
	}
	for _, name := range who {
		if pids[name] != 0 && syscall.Kill(pids[name], syscall.SIGKILL) == nil {
			hits++
		}
	}
	return hits
}

// nothingLeft waits until no container's directory is left, once another run has
// cleared up after the dead. The harness looks for processes, mounts and groups.
func nothingLeft(t *testing.T, c *harness.Case) {
	t.Helper()
	c.Run("true").Want(0)
	var left []string
	for deadline := time.Now().Add(*harness.Grace); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		left, _ = filepath.Glob(c.Store() + "/*/containers/*")
		if len(left) == 0 {
			return
		}
	}
	for _, dir := range left {
		files, _ := os.ReadDir(dir)
		t.Errorf("a dead container has left %s with %v", dir, files)
	}
}
