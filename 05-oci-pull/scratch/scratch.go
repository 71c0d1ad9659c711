// Package scratch makes directories that never outlive their purpose, whatever
// happens to this process.
//
// An error or a signal gives a program time to clean up, SIGKILL does not. So
// each directory has a janitor: this program, started once more, that waits for
// the end of a pipe. The kernel closes our end of it with our last breath, and
// the janitor then removes what is left.
package scratch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"example.com/container-go/05-oci-pull/unpack"
)

const janitorName = "container-go-janitor"

// The janitor's work begins, and ends, before the other packages of the program
// are initialised: it needs none of them.
func init() {
	if len(os.Args) == 2 && os.Args[0] == janitorName {
		janitor(os.Args[1])
		os.Exit(0)
	}
}

// Dir is a directory, accessible to this user only, with its janitor.
type Dir struct {
	Path    string
	janitor *exec.Cmd
	alive   io.Closer // the pipe that tells the janitor we live
}

// New makes a directory with a name like os.MkdirTemp's. Remove or Keep it.
func New(parent, pattern string) (*Dir, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: path}
	d.janitor = exec.Command("/proc/self/exe", path)
	d.janitor.Args[0] = janitorName
	d.janitor.Dir = "/"
	// A session of its own keeps it out of the terminal's reach, and of whoever
	// kills our process group.
	d.janitor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if d.alive, err = d.janitor.StdinPipe(); err == nil {
		err = d.janitor.Start()
	}
	if err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("start the janitor of %s: %w", path, err)
	}
	return d, nil
}

// Remove removes the directory with all that is in it.
func (d *Dir) Remove() error {
	err := unpack.RemoveAll(d.Path)
	d.alive.Close()
	d.janitor.Wait()
	return err
}

// Keep renames a directory inside this one to target, and removes the rest. The
// rename is the moment at which target appears, complete. It may exist before as
// an empty directory, which rename(2) replaces and os.Rename refuses to.
func (d *Dir) Keep(name, target string) error {
	err := syscall.Rename(filepath.Join(d.Path, name), target)
	if err != nil {
		err = &os.LinkError{Op: "rename", Old: filepath.Join(d.Path, name), New: target, Err: err}
	}
	if removeErr := d.Remove(); err == nil {
		err = removeErr
	}
	return err
}

// janitor removes path once its standard input ends.
func janitor(path string) {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	io.Copy(io.Discard, os.Stdin)
	// Processes that are being killed along with our parent may still write.
	for range 50 {
		if unpack.RemoveAll(path) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
