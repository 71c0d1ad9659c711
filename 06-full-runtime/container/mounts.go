package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// makePrivate is lesson 2: it ends the sharing of mounts with the host, so that
// none we make appears there. systemd makes a host's mount tree shared, and the
// copy that clone(2) gave us is still part of that (mount_namespaces(7)).
func makePrivate() error {
	return explain.Step(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		"lesson 2: what we mount from here on does not appear on the host", "mount --make-rprivate /")
}

// mount is a mount that is not attached to a directory yet (fsmount(2)).
type mount struct {
	fd   int
	what string
}

// newMount makes a mount of a kernel filesystem. The options are those of
// mount(8)'s -o, KEY or KEY=VALUE; attr are MOUNT_ATTR flags.
func newMount(why, fstype string, attr int, options ...string) (*mount, error) {
	call := fmt.Sprintf("fsmount %s%s", fstype, attributes(attr, options))
	fd, err := makeMount(fstype, attr, options)
	return &mount{fd, fstype}, explain.Step(err, why, "%s", call)
}

func makeMount(fstype string, attr int, options []string) (fd int, err error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
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
			return -1, fmt.Errorf("fsconfig %s: %w", option, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("fsconfig create: %w", err)
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attr)
}

// attributes gives the options of a mount the form that mount(8) has for them.
func attributes(attr int, options []string) string {
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

// newBind makes a mount of a file or directory that exists already.
func newBind(why, path string) (*mount, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	err = explain.Step(err, why, "open_tree %s OPEN_TREE_CLONE", path)
	return &mount{fd, path}, err
}

// attachDir puts the mount at a directory, which is made if it does not exist.
func (m *mount) attachDir(dir string) error {
	err := checkPath(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
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
	err := unix.MoveMount(m.fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
	return explain.Step(err, "put it in its place", "move_mount %s %s", m.what, filepath.Clean(target))
}

// setReadOnly has the mount at a path refuse writes, and with all also those
// mounted below it. Before Linux 5.12, mount(2) can do it for one at a time.
func setReadOnly(why, path string, all bool) error {
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
	if errors.Is(err, unix.ENOSYS) {
		err = fmt.Errorf("%w\nvolumes that are read-only with all that is mounted below them take Linux 5.12", err)
	}
	return explain.Step(err, why, "mount_setattr %s ro", path)
}
