// Package mount makes mounts and puts them in place by handle: a mount is made
// detached (fsmount(2), open_tree(2)), and attached to a directory when that is
// safe to look up (move_mount(2)).
package mount

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// Mount is a mount that is not attached to a directory yet.
type Mount struct {
	fd   int
	what string
}

// New makes a mount of a kernel filesystem. The options are those of mount(8)'s
// -o, KEY or KEY=VALUE; attr are MOUNT_ATTR flags.
func New(why, fstype string, attr int, options ...string) (*Mount, error) {
	fd, err := create(fstype, attr, options)
	return &Mount{fd, fstype}, explain.Step(err, why, "fsmount", "%s%s", fstype, spell(attr, options))
}

func create(fstype string, attr int, options []string) (fd int, err error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(fs)
	// The source is the first column of /proc/mounts; the kernel does not use it.
	for _, option := range append(options, "source="+fstype) {
		key, value, hasValue := strings.Cut(option, "=")
		if hasValue {
			err = unix.FsconfigSetString(fs, key, value)
		} else {
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err != nil {
			return -1, fmt.Errorf("fsconfig %s: %w", option, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("fsconfig create: %w", err)
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attr)
}

// spell writes the options of a mount as mount(8) does.
func spell(attr int, options []string) string {
	var names []string
	for _, a := range []struct {
		flag int
		name string
	}{
		{unix.MOUNT_ATTR_RDONLY, "ro"}, {unix.MOUNT_ATTR_NOSUID, "nosuid"},
		{unix.MOUNT_ATTR_NOEXEC, "noexec"}, {unix.MOUNT_ATTR_NODEV, "nodev"},
	} {
		if attr&a.flag != 0 {
			names = append(names, a.name)
		}
	}
	if names = append(names, options...); len(names) == 0 {
		return ""
	}
	return " -o " + strings.Join(names, ",")
}

// Bind makes a mount of a file or directory, with all that is mounted below it.
func Bind(why, path string) (*Mount, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	err = explain.Step(err, why, "open_tree", "%s OPEN_TREE_CLONE", path)
	return &Mount{fd, path}, err
}

// Attach puts the mount at a path that exists, and closes its handle.
func (m *Mount) Attach(target string) error {
	defer m.Close()
	err := unix.MoveMount(m.fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
	return explain.Step(err, "put it in its place", "move_mount", "%s %s", m.what, filepath.Clean(target))
}

// Close gives up a mount that is not needed, or its handle after Attach.
func (m *Mount) Close() {
	unix.Close(m.fd)
}

// String is what is mounted: a filesystem type, or the path of a bind mount.
func (m *Mount) String() string { return m.what }

// MakePrivate stops the sharing of mounts with the host, so that no mount made here
// appears there. systemd makes a host's mount tree shared, and the copy that
// clone(2) makes of a shared tree is still part of it (mount_namespaces(7)).
func MakePrivate(why string) error {
	return explain.Step(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), why, "mount", "--make-rprivate /")
}

// MakeSlave stops the sharing in one direction only: what is mounted on the host still
// appears here.
func MakeSlave(why string) error {
	return explain.Step(unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""), why, "mount", "--make-rslave /")
}

// SetReadOnly makes the mount at a path refuse writes, and with all also the mounts
// below it. mount_setattr(2) needs Linux 5.12.
func SetReadOnly(why, path string, all bool) error {
	flags := uint(0)
	if all {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err := explain.Step(err, why, "mount_setattr", "%s ro", path); err != nil {
		return err
	}
	// A wall is looked at after it has been put up.
	var now unix.Statfs_t
	if err = unix.Statfs(path, &now); err == nil && now.Flags&unix.ST_RDONLY == 0 {
		err = errors.New("it is not read-only")
	}
	if err != nil {
		return &explain.Error{Call: "statfs", Args: path, Err: err}
	}
	return nil
}
