package janitor

import (
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

// NewDir makes a directory with a name like os.MkdirTemp's.
func NewDir(parent, pattern string) (*Dir, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return nil, err
	}
	j, err := start("container-go-janitor-dir", path)
	if err != nil {
		os.Remove(path)
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
		d.Remove()
		return &os.LinkError{Op: "rename", Old: from, New: target, Err: err}
	}
	return d.Remove()
}

// sweep is the janitor's duty for a Dir.
func sweep(path string) {
	outlive()
	// Processes that are being killed along with our parent may still write.
	for range 50 {
		if unpack.RemoveAll(path) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
