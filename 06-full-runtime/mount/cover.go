package mount

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// Make makes a mount of a kernel filesystem, as New does, without a step of its own.
func Make(fstype string, attr int) (*Mount, error) {
	fd, err := create(fstype, attr, nil)
	if err != nil {
		return nil, &explain.Error{Call: "fsmount", Args: fstype, Err: err}
	}
	return &Mount{fd, fstype}, nil
}

// Clone makes a mount of what a path shows, or of dir itself if the path is empty. A
// symlink is not followed.
func Clone(dir int, path string) (*Mount, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE | unix.AT_SYMLINK_NOFOLLOW)
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	fd, err := unix.OpenTree(dir, path, flags)
	if err != nil {
		return nil, &explain.Error{Call: "open_tree", Args: path, Err: err}
	}
	return &Mount{fd, path}, nil
}

// IsDevice fails if the mount is not that of a character device with these numbers.
func (m *Mount) IsDevice(major, minor uint32) error {
	var stat unix.Stat_t
	err := unix.Fstat(m.fd, &stat)
	if err == nil && (stat.Mode&unix.S_IFMT != unix.S_IFCHR || stat.Rdev != unix.Mkdev(major, minor)) {
		err = fmt.Errorf("not the device %d:%d", major, minor)
	}
	if err != nil {
		return &explain.Error{Call: "fstat", Args: m.what, Err: err}
	}
	return nil
}

// Set gives MOUNT_ATTR flags to the mount, which has no place yet, and to all mounts
// below it. mount_setattr(2) needs Linux 5.12.
func (m *Mount) Set(flags uint64) error {
	attr := &unix.MountAttr{Attr_set: flags}
	if err := unix.MountSetattr(m.fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr); err != nil {
		return &explain.Error{Call: "mount_setattr", Args: m.what, Err: err}
	}
	return nil
}

// Cover puts the mount over an open file or directory, whose path is for errors. It
// looks afterwards whether the path shows the mount, and closes the mount's handle.
func (m *Mount) Cover(target int, path string) error {
	defer m.Close()
	err := unix.MoveMount(m.fd, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	if err != nil {
		return &explain.Error{Call: "move_mount", Args: path, Err: err}
	}
	var want, have unix.Statx_t
	err = unix.Statx(m.fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &want)
	if err == nil {
		err = unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &have)
	}
	if err == nil && want.Mnt_id != have.Mnt_id {
		err = errors.New("the path shows something else than the mount over it")
	}
	if err != nil {
		return &explain.Error{Call: "statx", Args: path, Err: err}
	}
	return nil
}
