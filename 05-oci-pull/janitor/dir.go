package janitor

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"example.com/container-go/05-oci-pull/unpack"
)

const dirDuty = "container-go-janitor-dir"

func init() { Serve(dirDuty, keepDir) }

// Dir is a directory that only this user can enter, and that does not outlive
// this process.
type Dir struct {
	Path    string
	janitor *Janitor
}

// NewDir makes a directory with a name like os.MkdirTemp's. The janitor makes
// it, so that there is no moment at which it is there and nobody looks after it.
func NewDir(parent, pattern string) (*Dir, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	j, path, err := Hire(dirDuty, filepath.Join(parent, pattern))
	if err != nil {
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

// keepDir is the janitor's duty for a Dir.
func keepDir(pattern string) {
	path, err := os.MkdirTemp(filepath.Split(pattern))
	Answer(path, err)
	if err != nil {
		return
	}
	Outlive()
	_ = unpack.RemoveAll(path)
}
