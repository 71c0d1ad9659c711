package unpack

import (
	"errors"
	"path"

	"golang.org/x/sys/unix"
)

// link makes e a hard link to the file called target, which is a path from the
// rootfs, not from e. A target that is a symlink is itself linked.
func (l *layer) link(e entry, target string) error {
	target = path.Clean("/" + target)
	from, err := l.resolve(path.Dir(target))
	if err != nil {
		return err
	}
	defer unix.Close(from.fd)
	base := path.Base(target)

	var st, there unix.Stat_t
	err = unix.Fstatat(from.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == unix.ENOENT && l.leftOut[place{from.id, base}]:
		l.leftOut[place{e.dir.id, e.base}] = true
		return l.remove(e)
	case err != nil:
		return failed("linkat", target, err)
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return failed("linkat", target, errors.New("hard link to a directory"))
	}
	// To remove what is there would lose the file if e is its only name.
	err = unix.Fstatat(e.dir.fd, e.base, &there, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && inodeOf(&there) == inodeOf(&st) {
		return nil
	}
	return l.replace(e, "linkat", func() error {
		return unix.Linkat(from.fd, base, e.dir.fd, e.base, 0) // 0: do not follow
	})
}
