package inside

import (
	"encoding/gob"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount"
)

// initCommand is the command of an init.
type initCommand struct {
	Path      string
	Args, Env []string
	Terminal  bool
}

// holdProgram prepares for becomeInit. Its execve is the container's user's, who may
// not be allowed to execute our file; then a copy of it in memory is executed.
func (p *pid1) holdProgram() error {
	if !p.Init {
		return nil
	}
	p.program = "/proc/self/exe"
	info, err := os.Stat(p.program)
	if err == nil && info.Mode()&0o001 == 0 {
		p.program, err = mount.SealedSelf()
	}
	return err
}

// becomeInit executes this program once more as the container's init. What we are now
// must not stay: our memory shows paths of the host, and our threads have capabilities
// and no seccomp filter. A process in the container could trace one of them, and have it
// make the calls that the filter refuses (ptrace(2)). The init has no more rights than
// the command.
func (p *pid1) becomeInit(env []string) error {
	ours := os.Environ()
	path, err := findCommand(p.Args, env)
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("command", 0) // every user can read arguments, and not this
	if err != nil {
		return &explain.Error{Call: "memfd_create", Err: err}
	}
	file := os.NewFile(uintptr(fd), "command")
	command := initCommand{path, p.Args, env, p.Terminal}
	if err := gob.NewEncoder(file).Encode(command); err != nil {
		return fmt.Errorf("write the command for the init: %w", err)
	}
	if _, err := file.Seek(0, 0); err != nil {
		return fmt.Errorf("write the command for the init: %w", err)
	}
	// The init closes our end of the socket, when it has handlers for signals.
	if _, err := unix.FcntlInt(parentFD, unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("fcntl F_SETFD: %w", err)
	}
	_ = explain.Step(nil, "our init, as confined as the command", "execve", "%s", p.program)
	_ = explain.Step(nil, "the command as a child of the init, which is to be PID 1", "fork, execve", "%s %q", path, p.Args)
	err = syscall.Exec(p.program, []string{config.ChildName, strconv.Itoa(fd)}, ours)
	return &explain.Error{Call: "execve", Args: p.program, Err: err}
}

// startInit is the init's beginning, after its execve.
func startInit(message string) error {
	var c initCommand
	fd, err := strconv.Atoi(message)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "command")
	if err := gob.NewDecoder(file).Decode(&c); err != nil {
		return fmt.Errorf("read the command: %w", err)
	}
	file.Close()
	runtime.LockOSThread()
	return runInit(c)
}

// runInit is PID 1 with --init: the command is its child. Two things are PID 1's
// that few programs are made for: to wait for every process whose parent has died,
// or they stay as zombies, and to have a handler for a signal that is to have an
// effect. It ends with the command, with its status, and with it all else ends.
func runInit(c initCommand) error {
	signals := make(chan os.Signal, 64)
	for s := unix.SIGHUP; s <= config.LastSignal; s++ {
		// Those of the terminal reach the command by themselves, but for these.
		if s != unix.SIGCHLD && s != unix.SIGURG && s != unix.SIGTTIN && s != unix.SIGTTOU && !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	closeFiles() // which tells the parent that from here on signals are for the command
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	// Unlike us, the command is not to be deaf to the signals that we handle; and
	// it is to lead a process group, the terminal's foreground one.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if c.Terminal {
		attr.Foreground, attr.Ctty = true, 0
	}
	command, err := syscall.ForkExec(c.Path, c.Args, &syscall.ProcAttr{Env: c.Env, Files: []uintptr{0, 1, 2}, Sys: attr})
	if err != nil {
		return commandFailed(c.Args, err)
	}
	runtime.UnlockOSThread()
	for {
		select {
		case s := <-signals:
			// To its process group, as a terminal does.
			_ = syscall.Kill(-command, s.(syscall.Signal))
		case <-children:
			if status, ended := reap(command); ended {
				os.Exit(status)
			}
		}
	}
}

// closeFiles closes all but our stdin, stdout and stderr: our end of the socket, and
// what the init functions of other packages have opened. Go's runtime needs its own
// two, with which it waits for events; they lead nowhere.
func closeFiles() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		link, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil && link != "anon_inode:[eventpoll]" && link != "anon_inode:[eventfd]" {
			unix.Close(fd)
		}
	}
}

// reap waits for all that has ended, and tells whether the command has.
func reap(command int) (status int, ended bool) {
	for {
		var state syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &state, syscall.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil || pid <= 0:
			return status, ended
		case pid == command && state.Signaled():
			status, ended = config.StatusSignal+int(state.Signal()), true
		case pid == command && state.Exited():
			status, ended = state.ExitStatus(), true
		}
	}
}
