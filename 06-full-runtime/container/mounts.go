package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// makePrivate is lesson 2: it ends the sharing of mounts with the host, so that
// none we make appears there. systemd makes a host's mount tree shared, and the
// copy that clone(2) gave us is still part of that (mount_namespaces(7)).
func makePrivate() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount --make-rprivate /: %w", err)
	}
	return nil
}

// mount is a mount that is not attached to a directory yet (fsmount(2)).
type mount struct {
	fd   int
	what string
}

// newMount makes a mount of a kernel filesystem. The options are those of
// mount(8)'s -o, KEY or KEY=VALUE; attr are MOUNT_ATTR flags.
func newMount(fstype string, attr int, options ...string) (*mount, error) {
	failed := func(call string, err error) error {
		return fmt.Errorf("mount %s: %s: %w", fstype, call, err)
	}
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, failed("fsopen", err)
	}
	defer unix.Close(fs)
	// The source is what /proc/mounts shows first; the kernel does not use it.
	for _, option := range append(options, "source="+fstype) {
		key, value, hasValue := strings.Cut(option, "=")
		if hasValue {
			err = unix.FsconfigSetString(fs, key, value)
		} else {
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err != nil {
			return nil, failed("fsconfig "+option, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, failed("fsconfig create", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attr)
	if err != nil {
		return nil, failed("fsmount", err)
	}
	return &mount{fd, fstype}, nil
}

// newBind makes a mount of a file or directory that exists already.
func newBind(path string) (*mount, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return nil, fmt.Errorf("bind %s: open_tree: %w", path, err)
	}
	return &mount{fd, path}, nil
}

// attachDir puts the mount at a directory, which is made if it does not exist.
func (m *mount) attachDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("mount %s: %w", m.what, err)
	}
	return m.move(dir)
}

// attachFile puts the mount of a file at a new, empty file.
func (m *mount) attachFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("mount %s: %w", m.what, err)
	}
	file.Close()
	return m.move(path)
}

func (m *mount) move(target string) error {
	defer unix.Close(m.fd)
	if err := unix.MoveMount(m.fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s on %s: move_mount: %w", m.what, filepath.Clean(target), err)
	}
	return nil
}

// setReadOnly has the mount at a path refuse writes, and with all also those
// mounted below it. Before Linux 5.12, mount(2) can do it for one at a time.
func setReadOnly(path string, all bool) error {
	flags := uint(0)
	if all {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if errors.Is(err, unix.ENOSYS) && !all {
		var fs unix.Statfs_t
		if err := unix.Statfs(path, &fs); err != nil {
			return fmt.Errorf("statfs %s: %w", path, err)
		}
		// The other flags stay as they are: in a user namespace they must.
		keep := uintptr(fs.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
		err = unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|keep, "")
	}
	if err != nil {
		return fmt.Errorf("make %s read-only: mount_setattr: %w", path, err)
	}
	return nil
}
