package starter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limit is how long a program may run. Beyond it something hangs.
const limit = 5 * time.Minute

// worker carries out requests, one at a time.
type worker struct {
	held      []*process
	residents map[int]bool // processes that programs left behind and that stay

	starting sync.Mutex
	closed   bool // no more processes are started
}

func newWorker() *worker { return &worker{residents: map[int]bool{}} }

func (w *worker) do(r request) reply {
	switch r.Action {
	case run:
		defer w.settle()
		return w.runAll(r.Commands)
	case hold:
		return w.hold(r.Commands)
	case release:
		defer w.settle()
		return w.release()
	}
	return reply{Error: fmt.Sprintf("unknown action %q", r.Action)}
}

// process is a program that was started.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	output  *os.File // what it prints, in memory
	stdin   io.Closer
	stdout  io.Reader
}

func prepare(c Command) (*process, error) {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	output := os.NewFile(uintptr(fd), "output")
	path := c.Path
	if path == "" {
		path = c.Args[0]
	}
	cmd := exec.Command(path, c.Args[1:]...)
	cmd.Args[0] = c.Args[0]
	cmd.Env, cmd.Dir = c.Env, "/"
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.ID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(c.ID), Gid: uint32(c.ID)}
	}
	return &process{cmd: cmd, output: output}, nil
}

func (w *worker) start(p *process) error {
	w.starting.Lock()
	defer w.starting.Unlock()
	if w.closed {
		return errors.New("the benchmark has ended")
	}
	p.started = time.Now()
	return p.cmd.Start()
}

// wait waits for the program's end. Result's numbers are wait4(2)'s.
func (p *process) wait() Result {
	timer := time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait() // its error is in the state
	r := Result{Wall: time.Since(p.started)}
	timer.Stop()
	state := p.cmd.ProcessState
	if state == nil { // killAll has waited for it
		return Result{Status: -1}
	}
	usage := state.SysUsage().(*syscall.Rusage)
	r.CPU = state.UserTime() + state.SystemTime()
	r.Peak = usage.Maxrss << 10
	r.Status = state.ExitCode()
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		r.Status = 128 + int(status.Signal())
	}
	r.Output = p.text()
	return r
}

// text is what the program has printed so far, or the first part of it.
func (p *process) text() string {
	content, _ := io.ReadAll(io.NewSectionReader(p.output, 0, 1<<20))
	return string(content)
}

func (w *worker) runAll(commands []Command) (answer reply) {
	all := make([]*process, len(commands))
	for i, c := range commands {
		var err error
		if all[i], err = prepare(c); err != nil {
			return reply{Error: err.Error()}
		}
		defer all[i].output.Close()
	}
	slim()
	answer.Results = make([]Result, len(all))
	var waiting sync.WaitGroup
	begin := time.Now()
	for i, p := range all {
		if err := w.start(p); err != nil {
			answer.Results[i] = Result{Status: 127, Output: err.Error()}
			continue
		}
		waiting.Go(func() { answer.Results[i] = p.wait() })
	}
	waiting.Wait()
	answer.Wall = time.Since(begin)
	return answer
}

// slim makes our memory small and forgets that it was larger: our peak counts among
// our programs' own.
func slim() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // see proc_pid_clear_refs(5)
}

func (w *worker) hold(commands []Command) reply {
	for _, c := range commands {
		p, err := prepare(c)
		if err == nil {
			p.cmd.Stdout = nil
			p.stdin, err = p.cmd.StdinPipe()
		}
		if err == nil {
			p.stdout, err = p.cmd.StdoutPipe()
		}
		if err == nil {
			err = w.start(p)
		}
		if err != nil {
			return reply{Error: err.Error()}
		}
		w.held = append(w.held, p)
	}
	for _, p := range w.held {
		if _, err := bufio.NewReader(p.stdout).ReadString('\n'); err != nil {
			return reply{Error: fmt.Sprintf("a program that was to stay did not: %s", p.text())}
		}
	}
	return reply{}
}

func (w *worker) release() reply {
	var failed error
	for _, p := range w.held {
		p.stdin.Close()
	}
	for _, p := range w.held {
		if r := p.wait(); r.Status != 0 {
			failed = errors.Join(failed, fmt.Errorf("status %d: %s", r.Status, r.Output))
		}
		p.output.Close()
	}
	w.held = nil
	if failed != nil {
		return reply{Error: failed.Error()}
	}
	return reply{}
}
