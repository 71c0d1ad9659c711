package mount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// ProtectedSelf returns a path to the running program, which is valid as long as this
// process lives.
//
// Root in a container can get hold of PID 1's /proc/self/exe, for instance by making
// an image's command a link to it. If that were our file, root could write to it, and
// the next start on the host would run the image's code (CVE-2019-5736). The path
// leads through an overlayfs without an upper directory, which has no place to write
// to: opening the program for writing is EROFS, and nobody can remount a mount that is
// attached nowhere. Where such an overlay cannot be had, the path is that of a sealed
// copy in memory, which takes longer.
func ProtectedSelf() (string, error) {
	if path, err := readOnlySelf(); err == nil {
		return path, nil
	}
	memory, err := sealedCopy()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", memory), nil
}

func readOnlySelf() (string, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return "", err
	}
	dir, name := filepath.Split(program)
	fd, err := overlayOver(dir)
	if err == nil {
		err = sameProgram(fd, name)
	}
	err = explain.Step(err, "this program, read-only: the container must not reach our file", "fsmount", "overlay -o ro,lowerdir=%s", dir)
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, name), err
}

// overlayOver mounts an overlayfs that shows a directory. An overlayfs without an
// upper directory needs two lower ones: the other one is empty.
//
// What is opened here stays open until execve or the end of the process. To close a
// mount that is attached nowhere can take the kernel a millisecond.
func overlayOver(dir string) (int, error) {
	lower, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open: %w", err)
	}
	empty, err := create("tmpfs", unix.MOUNT_ATTR_RDONLY, nil)
	if err != nil {
		return -1, err
	}
	fd, err := create("overlay", unix.MOUNT_ATTR_RDONLY, []string{fmt.Sprintf("lowerdir=/proc/self/fd/%d:/proc/self/fd/%d", lower, empty)})
	if err != nil {
		return -1, err
	}
	// In a child, low numbers are those of the files that it inherits.
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 10)
}

// sameProgram fails if another file has the program's name by now.
func sameProgram(dir int, name string) error {
	var ours, seen unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &ours); err != nil {
		return err
	}
	if err := unix.Fstatat(dir, name, &seen, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if seen.Ino != ours.Ino || seen.Size != ours.Size || seen.Mtim != ours.Mtim {
		return errors.New("the file is no longer this program")
	}
	return nil
}
