package inside

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount"
	"example.com/container-go/06-full-runtime/userns"
)

// mount puts the layers over each other, and over them all a directory that takes
// what the container writes (https://docs.kernel.org/filesystems/overlayfs.html).
func (r *root) mount(c config.Config) error {
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
	return err
}

func (r *root) overlay(c config.Config) error {
	// The names are short, as mount(2) takes no more than a page of options.
	lower := make([]string, len(r.layers))
	for i, fd := range r.layers {
		lower[len(lower)-1-i] = byFD(fd)
	}
	// volatile: what the container writes is thrown away, so it need not be synced.
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,volatile", strings.Join(lower, ":"), byFD(r.upper), byFD(r.work))
	if !userns.Initial() {
		options += ",userxattr" // only the machine's root may set trusted.*
	}
	if len(options) >= os.Getpagesize() {
		return fmt.Errorf("mount overlay: %d layers are too many", len(lower))
	}
	return explain.Step(unix.Mount("overlay", byFD(r.at), "overlay", 0, options),
		"the image's layers, and above them a directory for what the container writes", "mount overlay", "on %s/root -o %s", c.Dir, options)
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
func (r *root) upperInMemory(c config.Config) error {
	memory, err := mount.New("a place for what the container writes", "tmpfs", unix.MOUNT_ATTR_NODEV, "mode=755")
	if err != nil {
		return err
	}
	if err := memory.Attach("work"); err != nil {
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
