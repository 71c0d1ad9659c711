// Package staging makes directories that do not outlive this process.
package staging

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"

	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/05-oci-pull/unpack"
)

const duty = "staging"

func init() { janitor.Serve(duty, func(path string) { _ = unpack.RemoveAll(path) }) }

// Dir is a directory that only this user can enter, and that does not outlive
// this process.
type Dir struct {
	Path    string
	janitor *janitor.Janitor
}

// New makes a directory in parent, whose name is the prefix and a random number. The
// janitor is started first, so the directory is never without a process that removes
// it.
func New(parent, prefix string) (*Dir, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(parent, fmt.Sprint(prefix, rand.Uint64()))
	j, err := janitor.Start(duty, path)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		j.Dismiss()
		return nil, err
	}
	return &Dir{path, j}, nil
}

// Remove removes the directory with all that is in it. It may be called again.
func (d *Dir) Remove() error {
	err := unpack.RemoveAll(d.Path)
	d.janitor.Dismiss()
	return err
}

// Keep renames a directory inside this one to target, and removes the rest. The
// rename is the moment at which target appears, complete. It may exist before as
// an empty directory, which rename(2) replaces and os.Rename refuses to.
func (d *Dir) Keep(name, target string) error {
	from := filepath.Join(d.Path, name)
	if err := syscall.Rename(from, target); err != nil {
		return errors.Join(&os.LinkError{Op: "rename", Old: from, New: target, Err: err}, d.Remove())
	}
	return d.Remove()
}
