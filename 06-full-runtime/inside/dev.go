package inside

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount"
)

// devices are those that every program may expect to have, and that give
// nothing away: the default ones of the OCI runtime specification.
var devices = []struct {
	name         string
	major, minor uint32
}{
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
}

// tty is the group that terminals belong to by convention.
const tty = 5

// dev is the container's own /dev, with none of the host's disks in it.
type dev struct {
	root, pts, shm, mqueue *mount.Mount
	binds                  map[string]*mount.Mount // the host's devices by name
}

func newDev() (*dev, error) {
	d := &dev{binds: map[string]*mount.Mount{}}
	var err error
	if d.root, err = mount.New("a /dev of our own, with none of the host's disks in it", "tmpfs", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_STRICTATIME, "mode=755", "size=64m"); err != nil {
		return nil, err
	}
	pts := []string{"newinstance", "ptmxmode=0666", "mode=0620"}
	if hasID(user.CurrentProcessGIDMap, tty) {
		pts = append(pts, fmt.Sprintf("gid=%d", tty))
	}
	if d.pts, err = mount.New("terminals of our own", "devpts", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, pts...); err != nil {
		return nil, err
	}
	const plain = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NODEV
	if d.shm, err = mount.New("shared memory: shm_open(3)", "tmpfs", plain, "mode=1777", "size=64m"); err != nil {
		return nil, err
	}
	if d.mqueue, err = mount.New("the message queues of our IPC namespace", "mqueue", plain); err != nil {
		return nil, err
	}
	for _, device := range devices {
		bind, err := mount.Bind("the host's device, in case we may make none", "/dev/"+device.name)
		if errors.Is(err, os.ErrNotExist) {
			continue // needed only if we cannot make it
		}
		if err != nil {
			return nil, err
		}
		d.binds[device.name] = bind
	}
	return d, nil
}

// attach makes /dev and what is in it.
func (d *dev) attach() error {
	if err := attachDir(d.root, "/dev"); err != nil {
		return err
	}
	if err := attachDir(d.pts, "/dev/pts"); err != nil {
		return err
	}
	if err := attachDir(d.shm, "/dev/shm"); err != nil {
		return err
	}
	if err := attachDir(d.mqueue, "/dev/mqueue"); err != nil {
		return err
	}
	for _, device := range devices {
		if err := d.device("/dev/"+device.name, device.major, device.minor, d.binds[device.name]); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd":     "/proc/self/fd",
		"stdin":  "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1",
		"stderr": "/proc/self/fd/2",
		"ptmx":   "pts/ptmx",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// device makes a device file. The kernel lets nobody do so in a user namespace,
// who could then make one for the host's disk; there, the host's is bound.
func (d *dev) device(path string, major, minor uint32, bind *mount.Mount) error {
	const mode = 0o666
	err := unix.Mknod(path, unix.S_IFCHR|mode, int(unix.Mkdev(major, minor)))
	if err == nil && bind != nil {
		bind.Close() // not needed
	}
	if errors.Is(err, unix.EPERM) && bind != nil {
		if err := attachFile(bind, path); err != nil {
			return err
		}
		// Its data may be written all the same, but not its owner or mode.
		return mount.SetReadOnly("neither its owner nor its mode is to be changed", path, false)
	}
	if err := explain.Step(err, "a device that programs expect", "mknod", "%s c %d %d", path, major, minor); err != nil {
		return err
	}
	// mknod obeys the umask.
	return os.Chmod(path, mode)
}

// hasID reports whether our user namespace has an id. A file whose owner it lacks seems
// to belong to 65534.
func hasID(idMap func() ([]user.IDMap, error), id int64) bool {
	ranges, err := idMap()
	return err == nil && slices.ContainsFunc(ranges, func(r user.IDMap) bool {
		return r.ID <= id && id < r.ID+r.Count
	})
}
