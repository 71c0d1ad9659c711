package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// attributes gives e, which has just been made or is a directory, its owner,
// extended attributes, mode and times. The order matters: chown clears setuid
// bits and file capabilities, and a file without write permission takes no
// extended attributes from an ordinary user.
func (l *layer) attributes(e entry, hdr *tar.Header) error {
	isDir := hdr.Typeflag == tar.TypeDir
	if l.owners {
		err := unix.Fchownat(e.dir.fd, e.base, hdr.Uid, hdr.Gid, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil { // EINVAL: the user namespace does not map this owner
			return failed(fmt.Sprintf("fchownat %d:%d", hdr.Uid, hdr.Gid), e.path, err)
		}
	}
	if err := l.setXattrs(e, hdr); err != nil {
		return err
	}
	if hdr.Typeflag != tar.TypeSymlink { // a symlink has no mode, and fchmodat follows it
		mode := uint32(hdr.Mode) & 0o7777
		if isDir && !l.owners {
			mode |= 0o700
		}
		if err := unix.Fchmodat(e.dir.fd, e.base, mode, 0); err != nil {
			return failed("fchmodat", e.path, err)
		}
	}
	times, err := timesOf(hdr)
	if err != nil {
		return failed("utimensat", e.path, err)
	}
	err = unix.UtimesNanoAt(e.dir.fd, e.base, times[:], unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || !isDir {
		return failed("utimensat", e.path, err)
	}
	// Making something in the directory will change its times again.
	var st unix.Stat_t
	if err := unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed("fstatat", e.path, err)
	}
	l.times[inodeOf(&st)] = stamp{e.path, times}
	return nil
}

// timesOf gives the access and modification time. Most layers name only the
// latter.
func timesOf(hdr *tar.Header) (times [2]unix.Timespec, err error) {
	atime := hdr.AccessTime
	if atime.IsZero() {
		atime = hdr.ModTime
	}
	for i, t := range []time.Time{atime, hdr.ModTime} {
		if times[i], err = unix.TimeToTimespec(t); err != nil {
			return times, err
		}
	}
	return times, nil
}

// A stamp is the times that a directory shall have in the end.
type stamp struct {
	path  string
	times [2]unix.Timespec
}

// keepTimes notes the times of a directory that something is about to be done
// in. Unless its own entry comes, they stay: the layer has not named any others.
func (l *layer) keepTimes(name string, d dir) {
	if _, ok := l.times[d.id]; !ok {
		l.times[d.id] = stamp{name, d.times}
	}
}

// setDirTimes sets the times of directories, as the last thing in a layer.
func (l *layer) setDirTimes() error {
	for id, s := range l.times {
		d, err := l.resolve(s.path)
		if nothingThere(err) {
			continue // the layer has replaced it since
		}
		if err != nil {
			return err
		}
		if d.id == id {
			err = failed("utimensat", s.path, unix.UtimesNanoAt(d.fd, ".", s.times[:], 0))
		}
		unix.Close(d.fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// setXattrs sets the extended attributes, which tar carries in PAX records.
func (l *layer) setXattrs(e entry, hdr *tar.Header) error {
	for key, value := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok || isOverlay(name) {
			continue
		}
		err := unix.Lsetxattr(e.procPath(), name, []byte(value), 0)
		switch {
		case err == unix.ENOTSUP: // the filesystem cannot hold it
		case err == unix.EPERM && (!l.owners || name != "security.capability"):
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
