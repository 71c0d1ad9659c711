package inside

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount"
)

// sys is the wall in front of the machine's devices and cgroups. Programs read in /sys
// how many processors there are, and how much memory their cgroup may have. Who may
// write there names a program that the kernel starts on the host (uevent_helper,
// release_agent: CVE-2022-0492), switches off devices, or lifts the limits. So all of
// it is read-only.
type sys struct {
	tree  *mount.Mount // nil if this machine has no /sys
	group *mount.Mount // the container's own cgroup
}

func newSys() (*sys, error) {
	const attr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	s := new(sys)
	tree, err := mount.New("the machine's devices, read-only", "sysfs", attr)
	if errors.Is(err, unix.EPERM) {
		// A new sysfs shows a network's devices, and the host's network is not a user
		// namespace's. The host's /sys has more mounts below it, and comes with them.
		tree, err = mount.Bind("the host's then, as the network is the host's", "/sys")
		if errors.Is(err, os.ErrNotExist) {
			return s, nil
		}
		if err == nil {
			err = explain.Step(tree.Set(attr), "and all that is mounted below", "mount_setattr", "/sys ro,nosuid,nodev,noexec AT_RECURSIVE")
		}
	}
	if err != nil {
		return nil, err
	}
	s.tree = tree
	s.group, err = mount.New("our cgroup alone, as we are in a cgroup namespace", "cgroup2", attr)
	if err != nil { // a kernel without: then none at all, and not the host's
		s.group, err = mount.Make("tmpfs", attr)
	}
	return s, err
}

func (s *sys) attach() error {
	if s.tree == nil {
		return nil
	}
	if err := attachDir(s.tree, "/sys"); err != nil {
		return err
	}
	const cgroups = "/sys/fs/cgroup"
	fd, err := openWithoutLinks(cgroups) // sysfs, or a host's mount on it
	if errors.Is(err, os.ErrNotExist) {
		s.group.Close()
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return explain.Step(s.group.Cover(fd, cgroups), "put it in its place", "move_mount", "%s %s", s.group, cgroups)
}
