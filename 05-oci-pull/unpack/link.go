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
	at := place{from.id, path.Base(target)}

	var st, there unix.Stat_t
	err = unix.Fstatat(from.fd, at.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case err == unix.ENOENT && l.leftOut.has(at):
		return l.leaveOut(e)
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
	if err := l.takeCopy(at, &st); err != nil {
		return err
	}
	return l.replace(e, "linkat", func() error {
		return unix.Linkat(from.fd, at.name, e.dir.fd, e.base, 0) // 0: do not follow
	})
}

// takeCopy counts what an overlay copies up for a hard link to a file of a lower
// layer. A small layer with many such links can fill a disk.
func (l *layer) takeCopy(file place, st *unix.Stat_t) error {
	w := l.written
	if !l.copiesUp || w.isPure(file.dir) || w.has(file) || w.isCopiedUp(file) {
		return nil
	}
	w.copiedUp(file)
	return l.take(st.Size)
}
