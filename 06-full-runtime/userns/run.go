package userns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Run runs a program that calls BecomeRoot when it has read the first
// byte of its input, in a user namespace with these ids, and returns its output.
// Its error is what the program says on stderr.
func Run(cmd *exec.Cmd, ids Map, input io.Reader) (output []byte, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, &stdout, &stderr
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	ids.Attr(cmd.SysProcAttr)
	err = cmd.Start()
	r.Close()
	if err != nil {
		return nil, fmt.Errorf("start a child: %w", err)
	}
	// Without ids it must not begin, and will not: its input ends here.
	inputErr := ids.Write(cmd.Process.Pid)
	if inputErr == nil {
		_, inputErr = io.Copy(w, input)
	}
	w.Close()
	err = cmd.Wait()
	if said := bytes.TrimSpace(stderr.Bytes()); err != nil && len(said) > 0 {
		err = errors.New(string(said))
	}
	if inputErr != nil && !errors.Is(inputErr, unix.EPIPE) {
		err = inputErr
	}
	return stdout.Bytes(), err
}
