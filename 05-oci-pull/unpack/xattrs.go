package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	xattrNameMax = 255     // XATTR_NAME_MAX of linux/limits.h
	xattrSizeMax = 1 << 16 // XATTR_SIZE_MAX
)

// setXattrs sets the extended attributes, which tar carries in PAX records.
func (l *layer) setXattrs(e entry, hdr *tar.Header) error {
	for key, value := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok || isOverlay(name) {
			continue
		}
		// The kernel's own errors for these would speak of an argument list and a result
		// (xattr(7)).
		if len(name) > xattrNameMax || len(value) > xattrSizeMax {
			return fmt.Errorf("lsetxattr %q: the value has %d bytes: %d are possible, and %d for the name",
				shorten(name), len(value), xattrSizeMax, xattrNameMax)
		}
		err := unix.Lsetxattr(e.procPath(), name, []byte(value), 0)
		switch {
		case err == unix.ENOTSUP: // the filesystem cannot hold it
		case err == unix.ENOSPC && len(value) > 1024:
			// The disk need not be full: ext4 has one block for all attributes of a file.
			return failed(fmt.Sprintf("lsetxattr %q of %d bytes, or the filesystem holds none that large", shorten(name), len(value)), e.path, err)
		case err == unix.EPERM && (!l.options.Owners || name != "security.capability"):
			// Only root of the initial user namespace may set trusted.* and most
			// of security.*, and nobody user.* on a symlink. A program without
			// its file capabilities would be broken, though.
		case err != nil:
			return failed(fmt.Sprintf("lsetxattr %q", shorten(name)), e.path, err)
		}
	}
	return nil
}

// clearXattrs removes the extended attributes that a directory has from a lower
// layer: an entry's attributes replace all there were.
func (l *layer) clearXattrs(e entry) error {
	n, err := unix.Llistxattr(e.procPath(), l.buf) // which is larger than any list
	if err == unix.ENOTSUP {
		return nil
	}
	if err != nil {
		return failed("llistxattr", e.path, err)
	}
	for _, name := range bytes.Split(l.buf[:n], []byte{0}) {
		// Those of the security modules are the host's, overlayfs's are our own.
		if len(name) == 0 || bytes.HasPrefix(name, []byte("security.")) || isOverlay(string(name)) {
			continue
		}
		if err := unix.Lremovexattr(e.procPath(), string(name)); err != nil && err != unix.EPERM {
			return failed(fmt.Sprintf("lremovexattr %q", name), e.path, err)
		}
	}
	return nil
}

// isOverlay tells overlayfs's own attributes, trusted.overlay.* and
// user.overlay.*. In a layer they would tell the overlayfs that a container's
// root may be made of what to hide and where to look for directories.
func isOverlay(name string) bool {
	_, rest, _ := strings.Cut(name, ".")
	return strings.HasPrefix(rest, "overlay.")
}

// procPath is a path for the system calls on extended attributes, which take no
// directory until Linux 6.13. Only its last name comes from the layer.
func (e entry) procPath() string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", e.dir.fd, e.base)
}
