package janitor

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"example.com/container-go/05-oci-pull/unpack"
)

// Dir is a directory that only this user can enter, and that does not outlive
// this process.
type Dir struct {
	Path    string
	janitor *janitor
}

// NewDir makes a directory with a name like os.MkdirTemp's. The janitor makes
// it, so that there is no moment at which it is there and nobody looks after it.
func NewDir(parent, pattern string) (*Dir, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	j, path, err := hire("container-go-janitor-dir", filepath.Join(parent, pattern))
	if err != nil {
		return nil, err
	}
	return &Dir{path, j}, nil
}

// KillFirst has the janitor kill the process that pidfd refers to, which works in
// the directory, before it removes that.
func (d *Dir) KillFirst(pidfd int) error { return d.janitor.entrust(pidfd) }

// Remove removes the directory with all that is in it. It may be called again.
func (d *Dir) Remove() error {
	err := unpack.RemoveAll(d.Path)
	d.janitor.dismiss()
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
	answer(path, err)
	if err != nil {
		return
	}
	outlive()
	// Processes that are being killed along with our parent may still write.
	for range 50 {
		if unpack.RemoveAll(path) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
