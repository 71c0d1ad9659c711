package userns

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"

	"example.com/container-go/06-full-runtime/explain"
)

// A Child is a program that runs in a user namespace. It calls BecomeRoot when it has
// read the first byte of its input: before that the namespace has no ids.
type Child struct {
	Input  *os.File
	Output *os.File
	cmd    *exec.Cmd
	said   bytes.Buffer
}

// Start starts a program in a user namespace with these ids.
func Start(cmd *exec.Cmd, ids Map) (*Child, error) {
	input, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer input.Close()
	r, output, err := os.Pipe()
	if err != nil {
		w.Close()
		return nil, err
	}
	defer output.Close()
	c := &Child{Input: w, Output: r, cmd: cmd}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, output, &c.said
	cmd.Env = []string{}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig, cmd.SysProcAttr.Setsid = syscall.SIGKILL, true
	ids.Attr(cmd.SysProcAttr)
	err = explain.Step(cmd.Start(), "a child with the ids of the container", "clone", "CLONE_NEWUSER")
	if err != nil {
		w.Close()
		r.Close()
		return nil, err
	}
	// Without ids it must not begin, and will not: its input ends here.
	if err := ids.Write(cmd.Process.Pid); err != nil {
		_ = c.Wait()
		return nil, err
	}
	return c, nil
}

// Wait ends the program's input and waits for its end. Its error is what the program
// says on stderr.
func (c *Child) Wait() error {
	c.Input.Close()
	err := c.cmd.Wait()
	c.Output.Close()
	if said := bytes.TrimSpace(c.said.Bytes()); err != nil && len(said) > 0 {
		err = errors.New(string(said))
	}
	return err
}
