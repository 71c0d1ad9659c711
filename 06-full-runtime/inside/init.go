package inside

import (
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// runInit is PID 1 with --init: the command is its child. Two things are PID 1's
// that few programs are made for: to wait for every process whose parent has died,
// or they stay as zombies, and to have a handler for a signal that is to have an
// effect. It ends with the command, with its status, and with it all else ends.
func runInit(c config.Config, env []string, parent *os.File) error {
	signals := make(chan os.Signal, 64)
	for s := unix.SIGHUP; s <= config.LastSignal; s++ {
		// Those of the terminal reach the command by themselves, but for these.
		if s != unix.SIGCHLD && s != unix.SIGURG && s != unix.SIGTTIN && s != unix.SIGTTOU && !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	parent.Close() // which tells it that from here on signals are not for us
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	// Unlike us, the command is not to be deaf to the signals that we handle; and
	// it is to lead a process group, the terminal's foreground one.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if c.Terminal {
		attr.Foreground, attr.Ctty = true, 0
	}
	path, err := findCommand(c.Args, env)
	if err != nil {
		return err
	}
	_ = explain.Step(nil, "the command as a child of ours, as we are to be PID 1", "fork, execve", "%s %q", path, c.Args)
	explain.Stop()
	closeFiles()
	command, err := syscall.ForkExec(path, c.Args, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}, Sys: attr})
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

// closeFiles closes all but our stdin, stdout and stderr. Without an execve(2)
// nothing else does, and /proc/1/fd is the container's to look at. Go's runtime needs
// its own two, with which it waits for events; they lead nowhere.
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
