package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownMountsEnv marks the program that already has its own mount namespace.
const ownMountsEnv = "CONTAINER_GO_BENCH_MOUNTS"

// enterOwnMounts starts this program again in a mount namespace of its own. What we
// mount there never appears on the machine, and is gone when the last of our
// processes ends.
func enterOwnMounts() error {
	if os.Getenv(ownMountsEnv) != "" {
		return os.Unsetenv(ownMountsEnv)
	}
	// Only the thread that leaves the others' namespaces may call exec.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare CLONE_NEWNS: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount --make-rprivate /: %w", err)
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), ownMountsEnv+"=1"))
}

// addAccount gives the machine, as we see it, an account with subordinate ids, which
// newuidmap(1) requires.
func (b *bench) addAccount() error {
	for path, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("bench:x:%d:%d::%s:/bin/false\n", accountID, accountID, filepath.Join(b.dir, account.key, "home")),
		"/etc/group":  fmt.Sprintf("bench:x:%d:\n", accountID),
		"/etc/subuid": fmt.Sprintf("bench:%d:%d\n", firstSubID, subIDs),
		"/etc/subgid": fmt.Sprintf("bench:%d:%d\n", firstSubID, subIDs),
	} {
		content, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // only newuidmap would read it, and it is not installed
		}
		longer := filepath.Join(b.dir, strings.ReplaceAll(path[1:], "/", "-"))
		if err == nil {
			err = os.WriteFile(longer, append(content, line...), 0o644)
		}
		if err == nil {
			err = unix.Mount(longer, path, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("add an account to %s: %w", path, err)
		}
	}
	return nil
}

// cgroupRoot is where cgroup v2 has its hierarchy, and nothing else.
const cgroupRoot = "/sys/fs/cgroup"

// mountCgroup2 mounts cgroup v2 where it is expected, unless it is mounted there.
// On a machine with version 1, crun ends with an error, and runc makes a group in
// every hierarchy, which costs it time that it does not need elsewhere.
func mountCgroup2() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(cgroupRoot, &fs); err != nil || fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return err
	}
	if err := unix.Mount("cgroup2", cgroupRoot, "cgroup2", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount cgroup2 on %s: %w", cgroupRoot, err)
	}
	return nil
}

// mountTmpfs mounts an empty tmpfs on a new directory, if it does not exist.
func mountTmpfs(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=90%"); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", dir, err)
	}
	return nil
}
