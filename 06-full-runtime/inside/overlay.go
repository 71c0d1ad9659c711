package inside

import (
	"errors"
	"fmt"
	"os"

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
	// volatile: what the container writes is thrown away, so it need not be synced.
	more := "volatile"
	if !userns.Initial() {
		more += ",userxattr" // only the machine's root may set trusted.*
	}
	options, err := mount.OverlayOptions(r.layers, r.upper, r.work, more)
	if err != nil {
		return err
	}
	// A device node of the image would open the machine's device, for any user.
	return explain.Step(unix.Mount("overlay", mount.ByFD(r.at), "overlay", unix.MS_NODEV, options),
		"the image's layers, and above them a directory for what the container writes", "mount overlay", "on %s/root -o %s", c.Dir, options)
}

// takeAttributes gives the upper directory what the image says of "/".
func (r *root) takeAttributes() error {
	return mount.SameAttributes(r.layers[len(r.layers)-1], r.upper)
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
