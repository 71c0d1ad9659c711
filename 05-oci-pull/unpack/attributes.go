package unpack

import (
	"archive/tar"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// creationMode is the part of a file's mode that it may be made with: others cannot
// write to it before it is complete, and it is given to its owner before it is
// setuid. With the usual umask of 022 that is all of most files' modes.
func creationMode(hdr *tar.Header) uint32 { return uint32(hdr.Mode)&0o755 | 0o600 }

// attributes gives e, which has just been made or is a directory, its owner,
// extended attributes, mode and times, and returns its inode. The order matters:
// chown clears setuid bits and file capabilities, and a file without write
// permission takes no extended attributes from an ordinary user.
//
// What is right already is left alone. It is quicker, and an overlay would copy a
// directory up.
func (l *layer) attributes(e entry, hdr *tar.Header) (inode, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return inode{}, failed("fstatat", e.path, err)
	}
	id := inodeOf(&st)
	other := l.options.Owners && (st.Uid != uint32(hdr.Uid) || st.Gid != uint32(hdr.Gid))
	if other {
		err := unix.Fchownat(e.dir.fd, e.base, hdr.Uid, hdr.Gid, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil {
			return id, &OwnerError{hdr.Uid, hdr.Gid, failed(fmt.Sprintf("fchownat %d:%d", hdr.Uid, hdr.Gid), e.path, err)}
		}
	}
	if err := l.setXattrs(e, hdr); err != nil {
		return id, err
	}
	mode := uint32(hdr.Mode) & 0o7777
	if hdr.Typeflag == tar.TypeDir && !l.options.Owners {
		mode |= 0o700
	}
	// An access control list, which is an extended attribute, changes the mode.
	if other || len(hdr.PAXRecords) > 0 || mode != st.Mode&0o7777 {
		// A symlink has no mode, and fchmodat would follow it.
		if hdr.Typeflag != tar.TypeSymlink {
			if err := unix.Fchmodat(e.dir.fd, e.base, mode, 0); err != nil {
				return id, failed("fchmodat", e.path, err)
			}
		}
	}
	if l.now == [2]unix.Timespec{st.Atim, st.Mtim} {
		return id, nil
	}
	err := unix.UtimesNanoAt(e.dir.fd, e.base, l.now[:], unix.AT_SYMLINK_NOFOLLOW)
	return id, failed("utimensat", e.path, err)
}

// timesOf gives the access and modification time. Most layers name only the
// latter. A filesystem takes for a time outside its range the one nearest to it.
func timesOf(hdr *tar.Header) (times [2]unix.Timespec, err error) {
	atime := hdr.AccessTime
	if atime.IsZero() {
		atime = hdr.ModTime
	}
	for i, t := range []time.Time{atime, hdr.ModTime} {
		if times[i], err = unix.TimeToTimespec(t); err != nil {
			return times, fmt.Errorf("time %v: %w", t, err)
		}
	}
	return times, nil
}
