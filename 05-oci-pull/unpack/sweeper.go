package unpack

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// A sweeper is at one directory at a time, and holds no others open: a layer can
// make directories deeper than there are file descriptors, and than memory is
// large. It climbs by "..", checking that this is where it came from.
type sweeper struct {
	ctx   context.Context
	layer *layer // that removes something to make room; nil for RemoveAll
	spare bool   // leave what layer has written

	at     dir
	above  []inode // of the directories from the start down to at
	levels []level // of the start, and the last ones down to at
	top    string  // the start's path, for errors
	left   inode   // the directory that it has climbed from
	buf    [8 << 10]byte
}

// A level is what is still to be done in a directory.
type level struct {
	name   string
	todo   []string // some of the directories in it
	swept  bool     // of those, the first is as empty as it will be
	listed bool     // there are no others
}

// maxLevels bounds memory: a level that is dropped can be found out anew.
const maxLevels = 1000

func (s *sweeper) run() (err error) {
	defer func() {
		if cerr := s.at.close(); err == nil {
			err = s.failed("utimensat", "", cerr)
		}
	}()
	for err == nil {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		here := &s.levels[len(s.levels)-1]
		switch {
		case here.swept:
			err = s.finish(here)
		case len(here.todo) > 0:
			err = s.enter(here)
		case !here.listed:
			err = s.list(here)
		case len(s.above) > 0:
			err = s.leave()
		default:
			return nil
		}
	}
	return err
}

// list removes what it can from the current directory, and puts down directories to
// be swept: as many as fit into the buffer.
func (s *sweeper) list(here *level) error {
	if s.layer != nil {
		s.layer.leftOut.hide(s.at.id, s.keeps)
	}
	fd, err := unix.Openat(s.at.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return s.failed("openat", "", err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.ReadDirent(fd, s.buf[:])
		here.listed = n == 0
		if err != nil || n == 0 || len(here.todo) > 0 {
			return s.failed("getdents", "", err)
		}
		_, _, names := unix.ParseDirent(s.buf[:n], -1, nil)
		for _, name := range names {
			if err := s.ctx.Err(); err != nil {
				return err
			}
			if s.unlink(name) {
				here.todo = append(here.todo, name)
			}
		}
	}
}

// unlink removes a name in the current directory. It reports whether there is still
// something to do about it.
func (s *sweeper) unlink(name string) bool {
	kept := s.keeps(place{s.at.id, name})
	if !kept {
		err := unix.Unlinkat(s.at.fd, name, 0)
		if err == nil {
			s.changed()
		}
		if err == nil || err == unix.ENOENT {
			return false
		}
	}
	if !s.spare {
		return true
	}
	var st unix.Stat_t
	if unix.Fstatat(s.at.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return true
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return !kept
	}
	return !s.layer.written.isPure(inodeOf(&st))
}

func (s *sweeper) keeps(p place) bool { return s.spare && s.layer.written.has(p) }

// changed notes that something was removed from the current directory.
func (s *sweeper) changed() {
	s.at.changed = s.layer != nil && (s.spare || len(s.above) == 0)
}

// enter makes the first directory of those to do the current one. It enters
// neither symlinks nor mounts: what is mounted in a tree is not part of it.
func (s *sweeper) enter(here *level) error {
	name := here.todo[0]
	d, err := openDir(s.at.fd, name, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	switch err {
	case nil:
	case unix.ENOENT:
		here.todo = here.todo[1:]
		return nil
	case unix.ENOTDIR, unix.ELOOP: // for some reason it could not be unlinked
		return s.failed("unlinkat", name, unix.Unlinkat(s.at.fd, name, 0))
	default:
		return s.failed("openat2", name, err)
	}
	if s.spare && s.layer.written.isPure(d.id) {
		unix.Close(d.fd)
		here.todo = here.todo[1:]
		return nil
	}
	if !s.spare && d.mode&0o700 != 0o700 {
		// If it fails, so will reading or removing, and that is reported.
		_ = unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", d.fd), 0o700)
	}
	s.above = append(s.above, s.at.id)
	if len(s.levels) == maxLevels {
		s.levels = append(s.levels[:1], s.levels[2:]...) // the start's stays
	}
	s.levels = append(s.levels, level{name: name})
	return s.move(d)
}

// leave makes the parent directory the current one.
func (s *sweeper) leave() error {
	d, err := openDir(s.at.fd, "..", 0)
	last := len(s.above) - 1
	if err == nil && d.id != s.above[last] {
		unix.Close(d.fd)
		err = errors.New("moved while being removed")
	}
	if err != nil {
		return s.failed("openat2", "..", err)
	}
	s.left = s.at.id
	s.above, s.levels = s.above[:last], s.levels[:len(s.levels)-1]
	if len(s.levels) == 1 && last > 0 {
		s.levels = append(s.levels, level{name: "..."}) // it was dropped
	} else {
		s.levels[len(s.levels)-1].swept = true
	}
	return s.move(d)
}

func (s *sweeper) move(to dir) error {
	err := s.at.close()
	s.at = to
	return s.failed("utimensat", "..", err)
}

// finish removes the directory that has been swept, unless it has to stay.
func (s *sweeper) finish(here *level) error {
	name := here.todo[0]
	here.todo, here.swept = here.todo[1:], false
	err := error(unix.ENOTEMPTY)
	spared := s.spare && s.layer.leftOut.dirs[s.left] != nil // a device that would be in it
	if !spared && !s.keeps(place{s.at.id, name}) {
		err = unix.Unlinkat(s.at.fd, name, unix.AT_REMOVEDIR)
	}
	switch {
	case err == nil:
		s.changed()
		return nil
	case s.spare && (err == unix.ENOTEMPTY || err == unix.EEXIST):
		s.layer.written.pure(s.left)
		return nil
	}
	return s.failed("unlinkat", name, err)
}

func (s *sweeper) failed(call, name string, err error) error {
	if err == nil {
		return nil
	}
	all := s.top
	for _, l := range s.levels {
		all = path.Join(all, l.name)
	}
	return failed(call, path.Join(all, name), err)
}
