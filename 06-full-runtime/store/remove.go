package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/06-full-runtime/idmap"
)

// removeTree removes a directory with all that is in it. Where an ordinary user may
// not, because it belongs to a subordinate id of theirs, a child does it that is
// root of a user namespace with these ids.
func (s *Store) removeTree(dir string) error {
	err := unpack.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) || os.Geteuid() == 0 || s.Map.None() || s.Map.Single() {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = removerName
	job, err := json.Marshal(dir)
	if err != nil {
		return err
	}
	if _, err := InUserNS(cmd, s.Map, bytes.NewReader(job)); err != nil {
		return fmt.Errorf("remove %s as its owner: %w", dir, err)
	}
	return nil
}

// InUserNS runs a program that calls idmap.BecomeRoot when it has read the first
// byte of its input, in a user namespace with these ids, and returns its output.
// Its error is what the program says on stderr.
func InUserNS(cmd *exec.Cmd, ids idmap.Map, input io.Reader) (output []byte, err error) {
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

const removerName = "container-go-remove"

func init() {
	if os.Args[0] != removerName {
		return
	}
	var dir string
	err := json.NewDecoder(os.Stdin).Decode(&dir)
	if err == nil {
		err = idmap.BecomeRoot()
	}
	if err == nil {
		err = unpack.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
