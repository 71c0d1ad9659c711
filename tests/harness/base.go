package harness

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/unpack"
)

// base holds the programs that we build and the directories that they run with.
// stores holds the images of lesson 6, in a directory for each identity.
var base, stores string

// makeBase puts both in memory where it can. On a disk, files cost more than what the
// tests do with them: ext4 does not reuse an inode in the seconds after it was deleted.
func makeBase() error {
	var err error
	if base, err = os.MkdirTemp(memory(), "lessons-under-test-"); err == nil {
		stores, err = os.MkdirTemp(memory(), "stores-under-test-")
	}
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 && standInError == nil {
		for _, dir := range []string{base, stores} {
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
				return fmt.Errorf("mount tmpfs on %s: %w", dir, err)
			}
		}
		if !keepsUserAttributes(stores) {
			_ = unix.Unmount(stores, unix.MNT_DETACH)
		}
	}
	// The ordinary user must be able to reach them.
	for _, dir := range []string{base, stores} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// memory returns the directory that is in memory for every user, if it is large enough
// and programs can run there; or else "", for the usual one. Root does not need it: the
// stand-in host has mounts of its own.
func memory() string {
	const shm = "/dev/shm"
	var fs unix.Statfs_t
	if os.Geteuid() == 0 || unix.Statfs(shm, &fs) != nil || fs.Type != unix.TMPFS_MAGIC {
		return ""
	}
	if fs.Flags&unix.ST_NOEXEC != 0 || fs.Bavail*uint64(fs.Bsize) < 1<<30 || !keepsUserAttributes(shm) {
		return ""
	}
	return shm
}

// keepsUserAttributes reports whether files in a directory can have user extended
// attributes, which an ordinary user's store needs. On a tmpfs they can since Linux 6.6.
func keepsUserAttributes(dir string) bool {
	probe, err := os.CreateTemp(dir, "attributes-")
	if err != nil {
		return false
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	return unix.Fsetxattr(int(probe.Fd()), "user.container-go", []byte("y"), 0) == nil
}

func removeBase() {
	for _, dir := range []string{base, stores} {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
	_ = os.RemoveAll(base)
	_ = unpack.RemoveAll(stores)
}
