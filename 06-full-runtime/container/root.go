package container

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// enterRoot is lesson 4, without its hole. chroot(2) leaves the host's root where
// it is, and root in the container walks back to it. pivot_root(2) exchanges the
// root of the whole mount namespace, and then nothing of the old one is left.
func enterRoot(rootfs string) error {
	// pivot_root wants the new root to be a mount, so we make it one.
	if err := unix.Mount(rootfs, rootfs, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount --rbind %s: %w", rootfs, err)
	}
	if err := os.Chdir(rootfs); err != nil {
		return err
	}
	// With "." for both, the old root ends up on top of the new one, from where
	// it is unmounted: pivot_root(2) describes it under NOTES.
	if err := unix.PivotRoot(".", "."); err != nil {
		err = fmt.Errorf("pivot_root %s: %w", rootfs, err)
		if errors.Is(err, unix.EINVAL) {
			err = fmt.Errorf("%w\nit does not work from an initramfs: switch_root to another filesystem first", err)
		}
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount the old root: %w", err)
	}
	return os.Chdir("/")
}
