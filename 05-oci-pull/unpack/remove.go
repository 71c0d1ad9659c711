package unpack

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// RemoveAll removes dir and everything in it, also where an ordinary user owns
// directories without the permission to look into them or change them. It never
// follows a symlink. It is no error if dir does not exist.
func RemoveAll(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	above, base := filepath.Split(dir)
	if base == "" {
		return failed("unlinkat", dir, errors.New("refused"))
	}
	d, err := openDir(unix.AT_FDCWD, above, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return failed("openat2", above, err)
	}
	err = unix.Unlinkat(d.fd, base, 0)
	if err == nil || err == unix.ENOENT {
		unix.Close(d.fd)
		return nil
	}
	s := &sweeper{ctx: context.Background(), at: d, top: above, levels: []level{{todo: []string{base}, listed: true}}}
	return s.run()
}

// sweep removes the directory e and what is below it. If spare is set, what this
// layer has written stays, with the directories that lead there, and so does e if
// it is called ".".
func (l *layer) sweep(e entry, spare bool) error {
	at, err := openDir(e.dir.fd, ".", 0)
	if err != nil {
		return failed("openat2", e.path, err)
	}
	at.times = e.dir.times
	s := &sweeper{ctx: l.ctx, layer: l, spare: spare, at: at, top: filepath.Dir(e.path)}
	if e.base == "." {
		s.levels = []level{{}}
	} else {
		s.levels = []level{{todo: []string{e.base}, listed: true}}
	}
	err = s.run()
	if err == nil && e.base == "." {
		l.written.pure(e.dir.id)
	}
	return err
}
