package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Command is a program to be run with a command. Its fields may be changed
// before it is started.
type Command struct {
	Under []string  // a command that runs it, like unshare -n; see Unshare
	Flags []string  // the program's flags
	Args  []string  // the command in the container
	Stdin io.Reader // nil is /dev/null
	Env   []string  // KEY=VALUE, added to a plain environment
	Dir   string    // working directory, / by default
	Files []*os.File

	// Hint is what to say if it fails, where the kernel's "operation not permitted"
	// would be all.
	Hint string

	// Plain leaves out the `unshare -r` that an ordinary user needs for the
	// lessons that are for root.
	Plain bool

	c *Case
}

// Command prepares a run of the program with a command.
func (c *Case) Command(args ...string) *Command {
	return &Command{c: c, Args: args, Dir: "/", Flags: slices.Concat(c.Lesson.Flags, c.Identity.Flags)}
}

// Run runs the program with a command to its end.
func (c *Case) Run(args ...string) *Result {
	c.t.Helper()
	return c.Command(args...).Run()
}

// Unshare is the command line of an unshare(1) that the identity may call, for
// Command.Under. An ordinary user becomes root in a user namespace by it.
func (c *Case) Unshare(flags ...string) []string {
	if c.Identity.IsUser() && !c.Lesson.NeedsRoot {
		flags = append([]string{"-r"}, flags...)
	}
	return append([]string{"unshare"}, flags...)
}

func (cmd *Command) argv() []string {
	var under []string
	if cmd.c.Identity.IsUser() && cmd.c.Lesson.NeedsRoot && !cmd.Plain {
		under = []string{"unshare", "-r"}
	}
	return slices.Concat(under, cmd.Under, []string{cmd.c.Program.Path}, cmd.Flags, cmd.Args)
}

// String is what an attendee would type.
func (cmd *Command) String() string {
	words := cmd.argv()
	for i, word := range words {
		if word == cmd.c.Program.Path {
			word = cmd.c.Program.Name
		}
		if strings.ContainsAny(word, " \n\"'$") || word == "" {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words[i] = word
	}
	return strings.Join(words, " ")
}

func (cmd *Command) hint() string {
	if cmd.Hint == "" {
		return ""
	}
	return "\n" + cmd.Hint
}

func (cmd *Command) exec() *exec.Cmd {
	argv := cmd.argv()
	x := exec.Command(argv[0], argv[1:]...)
	x.Dir = cmd.Dir
	// Of our own environment nothing but PATH: it must not change the result.
	x.Env = append([]string{
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin",
		"HOME=" + cmd.c.TempDir,
		"TMPDIR=" + cmd.c.TempDir,
		"CONTAINER_GO_STORE=" + cmd.c.Store(),
		"LC_ALL=C",
	}, cmd.Env...)
	x.Stdin = cmd.Stdin
	x.ExtraFiles = cmd.Files
	x.SysProcAttr = cmd.c.Identity.attr()
	// If the tests are killed, so is what they run.
	x.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// Processes left behind may hold stdout open. It is no reason to wait.
	x.WaitDelay = *Grace
	return x
}

// Run runs the program to its end.
func (cmd *Command) Run() *Result {
	cmd.c.t.Helper()
	return cmd.Start().Wait()
}

// Start starts the program.
func (cmd *Command) Start() *Process {
	cmd.c.t.Helper()
	x := cmd.exec()
	p := &Process{Stdout: newOutput(), Stderr: newOutput(), cmd: cmd, exec: x, t: cmd.c.t}
	x.Stdout, x.Stderr = p.Stdout, p.Stderr
	p.start(nil)
	return p
}

// Process is a program that runs.
type Process struct {
	Stdout, Stderr *Output

	cmd   *Command
	exec  *exec.Cmd
	t     *testing.T
	ended chan struct{}
	err   error
}

// start starts the process. If its output comes another way than by exec's pipes,
// output is closed when there will be no more.
func (p *Process) start(output <-chan struct{}) {
	p.t.Helper()
	if err := p.exec.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.cmd, err)
	}
	p.ended = make(chan struct{})
	go func() {
		p.err = p.exec.Wait()
		if output != nil {
			select {
			case <-output:
			case <-time.After(*Grace):
				p.err = exec.ErrWaitDelay
			}
		}
		close(p.ended)
	}()
	// A test that fails half-way leaves its program to us.
	p.t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			_ = p.exec.Process.Kill()
			<-p.ended
		}
	})
}

// Pid is the program's process number.
func (p *Process) Pid() int { return p.exec.Process.Pid }

// Signal sends the program a signal, and nobody else.
func (p *Process) Signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.exec.Process.Signal(sig); err != nil {
		p.t.Fatalf("send %v to %s: %v", sig, p.cmd, err)
	}
}

// SignalGroup sends a signal to the program's process group, as a terminal does
// on Ctrl-C.
func (p *Process) SignalGroup(sig syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(-p.Pid(), sig); err != nil {
		p.t.Fatalf("send %v to the process group of %s: %v", sig, p.cmd, err)
	}
}

// PID1 finds the process that is PID 1 of the container, by its number here.
func (p *Process) PID1() int {
	p.t.Helper()
	pid, ok := p.FindPID1()
	if !ok {
		p.t.Fatalf("%s: none of its processes is PID 1 of another PID namespace (CLONE_NEWPID)", p.cmd)
	}
	return pid
}

// FindPID1 does the same where there may be none.
func (p *Process) FindPID1() (pid int, ok bool) {
	for _, pid := range p.Processes() {
		if numbers := numbersOf(pid); len(numbers) > len(numbersOf(os.Getpid())) && numbers[len(numbers)-1] == "1" {
			return pid, true
		}
	}
	return 0, false
}

// Processes lists what the program has started, with its own process.
func (p *Process) Processes() []int { return descendants(p.Pid(), processes()) }

// Await waits until stdout contains a text.
func (p *Process) Await(text string) {
	p.t.Helper()
	if !p.Stdout.await(text, 0, p.ended) {
		p.t.Fatalf("%s: no %q on stdout\n%s%s", p.cmd, text, indent(p.Stdout.String()+p.Stderr.String()), p.cmd.Hint)
	}
}

// AwaitOrEnd waits for an event, or for the program's end if that comes first.
func (p *Process) AwaitOrEnd(event <-chan struct{}) {
	p.t.Helper()
	select {
	case <-event:
	case <-p.ended:
	case <-time.After(*patience):
		p.t.Fatalf("%s: nothing happened for %v\n%s", p.cmd, *patience, indent(p.Stdout.String()+p.Stderr.String()))
	}
}

// AwaitCommand waits until one of the program's processes has become a command
// by execve(2), and returns its number.
func (p *Process) AwaitCommand(name string) int {
	p.t.Helper()
	name = name[:min(len(name), 15)] // as the kernel does, see proc_pid_comm(5)
	for deadline := time.Now().Add(*patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		table := processes()
		for _, pid := range descendants(p.Pid(), table) {
			if table[pid].name == name {
				return pid
			}
		}
		select {
		case <-p.ended:
			deadline = time.Time{}
		default:
		}
	}
	p.t.Fatalf("%s: did not start %s\n%s", p.cmd, name, indent(p.Stdout.String()+p.Stderr.String()))
	return 0
}

// Wait waits for the program's end.
func (p *Process) Wait() *Result {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(*patience):
		_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
		<-p.ended
		p.t.Errorf("%s did not end within %v", p.cmd, *patience)
	}
	r := &Result{
		Stdout:  p.Stdout.String(),
		Stderr:  p.Stderr.String(),
		Status:  p.exec.ProcessState.ExitCode(),
		Command: p.cmd.String(),
		t:       p.t,
		hint:    p.cmd.hint(),
	}
	if status := p.exec.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		r.Status, r.Killed = 128+int(status.Signal()), true
	}
	if errors.Is(p.err, exec.ErrWaitDelay) {
		p.t.Errorf("%s ended, but something that it started still runs and holds its output open", p.cmd)
	}
	return r
}

// Result is how a run of a program ended.
type Result struct {
	Stdout, Stderr string
	Status         int  // as a shell has it in $?
	Killed         bool // the program itself was killed by a signal
	Command        string

	t    *testing.T
	hint string
}

// Output is what the command printed, without the space around it. The test ends
// here if it failed.
func (r *Result) Output() string {
	r.t.Helper()
	r.Want(0)
	return strings.TrimSpace(r.Stdout)
}

// Want ends the test if the status is another one.
func (r *Result) Want(status int) *Result {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("the exit status is %d, want %d\n%s%s", r.Status, status, r, r.hint)
	}
	return r
}

// String tells the whole story, for messages.
func (r *Result) String() string {
	return fmt.Sprintf("\t$ %s\n%s\tstatus %d", r.Command, indent(r.Stdout+r.Stderr), r.Status)
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("\t" + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// StartHeld starts the program with a stdin that stays open, and silent, until
// the test calls release, which ends a shell's `read`.
func (cmd *Command) StartHeld() (p *Process, release func()) {
	cmd.c.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		cmd.c.t.Fatal(err)
	}
	cmd.Stdin = r
	p = cmd.Start()
	r.Close()
	cmd.c.t.Cleanup(func() { w.Close() })
	return p, func() {
		_, _ = w.WriteString("\n")
		w.Close()
	}
}
