// Package janitor cleans up after this process, whatever ends it.
//
// An error or a signal gives a program time to clean up, SIGKILL does not. So
// there is a second process, this program started once more, that waits for the
// end of a pipe. The kernel closes our end of it when we die, however we do,
// and then the janitor does what is left to do.
package janitor

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// The janitor's names, as which it is started, say what it is to do.
var duties = map[string]func(argument string){
	"container-go-janitor-dir":      sweep,
	"container-go-janitor-terminal": restore,
}

// The janitor's work begins, and ends, before the packages of the program that
// come later are initialised: it needs none of them.
func init() {
	duty, ok := duties[os.Args[0]]
	if !ok || len(os.Args) != 2 {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	duty(os.Args[1])
	os.Exit(0)
}

// janitor is a janitor at work.
type janitor struct {
	cmd   *exec.Cmd
	alive io.Closer // the pipe that tells it that we are
}

// start starts a janitor, which inherits the files as descriptors 3 and up.
func start(duty, argument string, files ...*os.File) (*janitor, error) {
	cmd := exec.Command("/proc/self/exe", argument)
	cmd.Args[0] = duty
	cmd.Dir = "/"
	cmd.ExtraFiles = files
	// A session of its own keeps it out of reach of the terminal, and of whoever
	// kills our process group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	alive, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the janitor: %w", err)
	}
	return &janitor{cmd, alive}, nil
}

// dismiss ends the janitor, after it has done its duty.
func (j *janitor) dismiss() {
	j.alive.Close()
	_ = j.cmd.Wait()
}

// outlive returns when the process that started the janitor is dead.
func outlive() { _, _ = io.Copy(io.Discard, os.Stdin) }
