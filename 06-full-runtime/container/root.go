package container

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/idmap"
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
func openRoot(c Config) (*root, error) {
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

// enter is lesson 4, without its hole. chroot(2) leaves the host's root where it is,
// and root in the container walks back to it. pivot_root(2) exchanges the root of
// the whole mount namespace, and then nothing of the old one is left.
func (r *root) enter(c Config) error {
	if err := r.mount(c); err != nil {
		return err
	}
	r.close()
	if err := os.Chdir("root"); err != nil {
		return err
	}
	// With "." for both, the old root ends up on top of the new one, from where
	// it is unmounted: pivot_root(2) describes it under NOTES.
	err := explain.Step(unix.PivotRoot(".", "."), "lesson 4: the image's root in place of the host's, for all of this mount namespace", "pivot_root . .")
	if errors.Is(err, unix.EINVAL) {
		err = fmt.Errorf("%w\nit does not work from an initramfs: switch_root to another filesystem first", err)
	}
	if err != nil {
		return err
	}
	if err := explain.Step(unix.Unmount(".", unix.MNT_DETACH), "nothing of the host's mounts is left in here", "umount2 . MNT_DETACH"); err != nil {
		return err
	}
	return os.Chdir("/")
}

func (r *root) close() {
	for _, fd := range append(r.layers, r.upper, r.work, r.at) {
		unix.Close(fd)
	}
}

// mount puts the layers over each other, and over them all a directory that takes
// what the container writes (https://docs.kernel.org/filesystems/overlayfs.html).
func (r *root) mount(c Config) error {
	if err := r.takeAttributes(); err != nil {
		return err
	}
	err := r.overlay(c)
	if errors.Is(err, unix.EINVAL) && r.upper >= 0 {
		// Some filesystems can hold no upper directory: an overlayfs itself, or one
		// without extended attributes.
		fmt.Fprintf(os.Stderr, "container: the filesystem of %s cannot hold what a container writes: it is kept in memory\n", c.Dir)
		if err := r.upperInMemory(c); err != nil {
			return err
		}
		err = r.overlay(c)
	}
	if errors.Is(err, unix.ENODEV) {
		err = fmt.Errorf("%w\nthe kernel has no overlayfs, or has not loaded it: sudo modprobe overlay", err)
	}
	return err
}

func (r *root) overlay(c Config) error {
	// The names are short, as mount(2) takes no more than a page of options.
	lower := make([]string, len(r.layers))
	for i, fd := range r.layers {
		lower[len(lower)-1-i] = byFD(fd)
	}
	// volatile: what the container writes is thrown away, so it need not be synced.
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,volatile", strings.Join(lower, ":"), byFD(r.upper), byFD(r.work))
	if !idmap.Initial() {
		options += ",userxattr" // only the machine's root may set trusted.*
	}
	if len(options) >= os.Getpagesize() {
		return fmt.Errorf("mount overlay: %d layers are too many", len(lower))
	}
	return explain.Step(unix.Mount("overlay", byFD(r.at), "overlay", 0, options),
		"the image's layers, and above them a directory for what the container writes", "mount overlay on %s/root -o %s", c.Dir, options)
}

// byFD is a path to what a descriptor has open, also where others do not lead.
func byFD(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// takeAttributes gives the upper directory what the image says of "/": it is the
// highest layer, whose attributes count.
func (r *root) takeAttributes() error {
	var top unix.Stat_t
	if err := unix.Fstat(r.layers[len(r.layers)-1], &top); err != nil {
		return fmt.Errorf("fstat the image's root: %w", err)
	}
	if err := unix.Chown(byFD(r.upper), int(top.Uid), int(top.Gid)); err != nil {
		return fmt.Errorf("chown the root directory to %d:%d: %w", top.Uid, top.Gid, err)
	}
	if err := unix.Chmod(byFD(r.upper), top.Mode&0o7777); err != nil {
		return fmt.Errorf("chmod the root directory to %o: %w", top.Mode&0o7777, err)
	}
	return nil
}

// upperInMemory puts a tmpfs into the place of the upper directory.
func (r *root) upperInMemory(c Config) error {
	memory, err := newMount("a place for what the container writes", "tmpfs", unix.MOUNT_ATTR_NODEV, "mode=755")
	if err != nil {
		return err
	}
	if err := memory.move("work"); err != nil {
		return err
	}
	for _, name := range []string{"work/upper", "work/work"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	unix.Close(r.upper)
	unix.Close(r.work)
	if err := r.openUpper("work"); err != nil {
		return err
	}
	return r.takeAttributes()
}
