package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/userns"
)

// noUpper says why an overlay cannot have its upper directory in the store, or "".
// It tries what overlayfs will do. A mount does not tell: overlayfs mounts where it
// cannot keep its notes, and shows removed names or fails with EIO later.
func (s *Store) noUpper(ctx context.Context) (reason string, err error) {
	held, err := takeLock(ctx, s.Path("locks", "probe"), unix.LOCK_EX, nil)
	if err != nil {
		return "", err
	}
	defer held.Release()
	dir := s.Path("new", "probe")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(dir+"/a", nil, 0o600); err != nil {
		return "", err
	}
	if err := unix.Setxattr(dir, s.overlayXattr(), []byte("y"), 0); err != nil {
		return fmt.Sprintf("setxattr %s: %v", s.overlayXattr(), err), nil
	}
	if err := unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_WHITEOUT); err != nil {
		return fmt.Sprintf("renameat2 RENAME_WHITEOUT: %v", err), nil
	}
	if known, err := tellsTypes(dir); err != nil || !known {
		return "its directories do not tell the types of files", err
	}
	return "", nil
}

// overlayXattr is one of the attributes in which overlayfs keeps its notes: only root
// of the initial user namespace may set trusted ones.
func (s *Store) overlayXattr() string {
	if s.InUserNS() {
		return "user.overlay.opaque"
	}
	return "trusted.overlay.opaque"
}

// InUserNS reports whether the containers of this store are in a user namespace.
func (s *Store) InUserNS() bool { return !s.Map.None() || !userns.Initial() }

// tellsTypes reports whether getdents(2) tells what the names in a directory are.
func tellsTypes(dir string) (bool, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := unix.ReadDirent(fd, buf)
	for rest := buf[:max(n, 0)]; len(rest) > 0; {
		if rest[18] == unix.DT_UNKNOWN { // struct linux_dirent64: d_type
			return false, nil
		}
		rest = rest[binary.NativeEndian.Uint16(rest[16:]):] // d_reclen
	}
	return true, err
}
