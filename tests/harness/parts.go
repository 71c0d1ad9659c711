package harness

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// partEnv says that a process is one part of a whole run.
const partEnv = "CONTAINER_GO_PART"

// inParts runs the whole suite as several processes beside each other. In one process,
// the tests wait for each other, since each compares the host before and after. Root's
// parts have a stand-in host each; an ordinary user's programs cannot change the host,
// and their processes and files are counted by the part that started them.
//
// A run of some tests only, or of another program, stays in one process.
func inParts(longest string) (status int, done bool) {
	if os.Getenv(partEnv) != "" {
		os.Unsetenv(partEnv)
		return 0, false
	}
	if Graded() || Prebuilt() {
		return 0, false
	}
	for _, name := range []string{"run", "skip", "list", "bench", "fuzz", "coverprofile", "gocoverdir", "cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace", "shuffle"} {
		if f := flag.Lookup("test." + name); f != nil && f.Value.String() != f.DefValue {
			return 0, false
		}
	}
	runs := partsOf(longest)
	// The death signal below comes when the thread that started a part ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	var parts []*exec.Cmd
	outputs := make([]bytes.Buffer, len(runs))
	var ended sync.WaitGroup
	failed := make([]bool, len(runs))
	for i, run := range runs {
		args := slices.Clone(os.Args[1:])
		if i > 0 {
			// The go command reads one log of what the tests have opened.
			args = slices.DeleteFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-test.testlogfile=") })
		}
		cmd := exec.Command("/proc/self/exe", append(run, args...)...)
		cmd.Env = append(os.Environ(), partEnv+"=1")
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[i]
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		if i == 0 {
			cmd.Stdout = &verdictless{to: os.Stdout}
			cmd.Stderr = os.Stderr
		}
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "start a part of the tests:", err)
			failed[i] = true
			continue
		}
		parts = append(parts, cmd)
		ended.Go(func() { failed[i] = cmd.Wait() != nil })
	}
	go func() {
		for sig := range signals {
			for _, part := range parts {
				_ = part.Process.Signal(sig)
			}
		}
	}()
	ended.Wait()
	for i := range outputs[1:] {
		_, _ = (&verdictless{to: os.Stdout}).Write(outputs[i+1].Bytes())
	}
	verdict := "PASS"
	if slices.Contains(failed, true) {
		status, verdict = 1, "FAIL"
	}
	if flag.Lookup("test.v").Value.String() == "test2json" {
		verdict = "\x16" + verdict
	}
	fmt.Println(verdict)
	return status, true
}

// partsOf returns the flags for each part: the longest test alone, and all others in two halves, by name.
func partsOf(longest string) [][]string {
	return [][]string{
		{"-test.run=^Test[A-P]", "-test.skip=^" + longest + "$"},
		{"-test.run=^" + longest + "$"},
		{"-test.skip=^Test[A-P]|^" + longest + "$"},
	}
}

// verdictless passes lines on, without the PASS or FAIL that ends a part's output.
type verdictless struct {
	to   io.Writer
	rest []byte
}

func (v *verdictless) Write(p []byte) (int, error) {
	v.rest = append(v.rest, p...)
	for {
		line, rest, found := bytes.Cut(v.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		v.rest = rest
		if word := strings.TrimPrefix(string(line), "\x16"); word == "PASS" || word == "FAIL" {
			continue
		}
		if _, err := fmt.Fprintf(v.to, "%s\n", line); err != nil {
			return 0, err
		}
	}
}
