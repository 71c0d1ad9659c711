package starter

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clearUp removes a directory with all that is mounted below it, and the control
// groups that match a pattern.
func clearUp(dir, groups string) error {
	return errors.Join(removeGroups(groups), RemoveTree(dir))
}

// RemoveTree removes a directory with all that is mounted below it.
func RemoveTree(dir string) error {
	return errors.Join(unmountBelow(dir), os.RemoveAll(dir))
}

// SetAside makes a directory new and empty. What an earlier run left there is put into
// another directory, with its files emptied and its mounts gone, and is removed with all
// else in the end. Removed at once it would slow what comes next: for minutes, ext4 does
// not take the inode of a removed file for a new one, and passes over each of them for
// every new file (recently_deleted in its ialloc.c).
func SetAside(dir, trash string) error {
	if err := errors.Join(unmountBelow(dir), os.MkdirAll(trash, 0o700)); err != nil {
		return err
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = os.Truncate(path, 0)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		old, err := os.MkdirTemp(trash, "")
		if err != nil {
			return err
		}
		if err := os.Rename(dir, filepath.Join(old, "old")); err != nil {
			return err
		}
	}
	return os.Mkdir(dir, 0o755)
}

// unmountBelow unmounts what is mounted below a directory, the last mount first.
func unmountBelow(dir string) error {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer file.Close()
	var targets []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		// ID PARENT MAJOR:MINOR ROOT TARGET ..., see proc_pid_mountinfo(5).
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			targets = append(targets, fields[4])
		}
	}
	var failed error
	for i := len(targets) - 1; i >= 0; i-- {
		if err := unix.Unmount(targets[i], unix.MNT_DETACH); err != nil {
			failed = errors.Join(failed, fmt.Errorf("umount %s: %w", targets[i], err))
		}
	}
	return failed
}

// removeGroups removes control groups. The kernel refuses to remove one until the
// last of its processes is gone.
func removeGroups(pattern string) error {
	groups, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	var failed error
	for _, group := range groups {
		err := unix.Rmdir(group)
		for range 100 {
			if !errors.Is(err, unix.EBUSY) {
				break
			}
			time.Sleep(10 * time.Millisecond)
			err = unix.Rmdir(group)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			failed = errors.Join(failed, fmt.Errorf("rmdir %s: %w", group, err))
		}
	}
	return failed
}
