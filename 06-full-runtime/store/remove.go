package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"

	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/06-full-runtime/userns"
)

// RemoveTree removes a directory with all that is in it. Where an ordinary user may
// not, because it belongs to a subordinate id of theirs, a child does it that is
// root of a user namespace with these ids.
func (s *Store) RemoveTree(dir string) error {
	err := unpack.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) || os.Geteuid() == 0 || s.Map.None() || s.Map.Single() {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = removerName
	child, err := userns.Start(cmd, s.Map)
	if err == nil {
		_, _ = child.Input.WriteString(dir)
		err = child.Wait()
	}
	if err != nil {
		return fmt.Errorf("remove %s as its owner: %w", dir, err)
	}
	return nil
}

const removerName = "container-go-remove"

func init() {
	if os.Args[0] != removerName {
		return
	}
	dir, err := io.ReadAll(os.Stdin)
	if err == nil && len(dir) == 0 {
		err = io.ErrUnexpectedEOF // the parent has died
	}
	if err == nil {
		err = userns.BecomeRoot()
	}
	if err == nil {
		err = unpack.RemoveAll(string(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
