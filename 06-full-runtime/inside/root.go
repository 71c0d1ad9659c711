package inside

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// root is what the container's root filesystem is made of: directories of the host,
// held open. In a user namespace its root may not be able to reach them by their
// paths, and it need not. They are closed before anything of the image is looked at:
// by way of /proc/self/fd they lead back to the host (CVE-2024-21626).
type root struct {
	layers      []int // lowest first
	upper, work int
	at          int // where it is mounted
}

// openRoot opens the layers and the container's own directory, and makes that the
// working directory.
func openRoot(c config.Config) (*root, error) {
	r := new(root)
	if err := os.Chdir(c.Dir); err != nil {
		return nil, err
	}
	for _, layer := range c.Layers {
		fd, err := openPath(layer)
		if err != nil {
			return nil, err
		}
		r.layers = append(r.layers, fd)
	}
	var err error
	if r.at, err = openPath("root"); err == nil {
		err = r.openUpper(".")
	}
	return r, err
}

// openUpper opens the directories for what the container writes.
func (r *root) openUpper(dir string) (err error) {
	if r.upper, err = openPath(dir + "/upper"); err == nil {
		r.work, err = openPath(dir + "/work")
	}
	return err
}

func openPath(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return fd, nil
}

// enterRoot is lesson 4, without its hole. chroot(2) leaves the host's root where it is,
// and root in the container walks back to it. pivot_root(2) exchanges the root of
// the whole mount namespace, and then nothing of the old one is left.
func (p *pid1) enterRoot() error {
	if err := p.root.mount(p.Config); err != nil {
		return err
	}
	p.root.close()
	if err := os.Chdir("root"); err != nil {
		return err
	}
	// With "." for both, the old root ends up on top of the new one, from where
	// it is unmounted: pivot_root(2) describes it under NOTES.
	err := explain.Step(unix.PivotRoot(".", "."), "lesson 4: the image's root in place of the host's, for all of this mount namespace", "pivot_root", ". .")
	if err != nil {
		return err
	}
	if err := explain.Step(unix.Unmount(".", unix.MNT_DETACH), "nothing of the host's mounts is left in here", "umount2", ". MNT_DETACH"); err != nil {
		return err
	}
	return os.Chdir("/")
}

func (r *root) close() {
	for _, fd := range append(r.layers, r.upper, r.work, r.at) {
		unix.Close(fd)
	}
}
