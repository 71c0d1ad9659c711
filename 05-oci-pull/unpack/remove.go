package unpack

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

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
	defer unix.Close(d.fd)
	return sweep(d, base, above, nil)
}

// sweep removes name in d, and what is below it, except for what keep says
// (nil: nothing) and the directories that lead there. A symlink is removed, not
// followed. above is the path of d, for errors.
func sweep(d dir, name, above string, keep func(dir inode, name string) bool) error {
	at, err := openDir(d.fd, ".", 0)
	if err != nil {
		return failed("openat2", above, err)
	}
	s := &sweeper{at: at, path: []string{above}, keep: keep}
	defer func() { unix.Close(s.at.fd) }()
	_, err = s.remove(name)
	return err
}

// A sweeper is at one directory at a time, and holds no others open: a layer can
// make directories deeper than there are file descriptors. It climbs by "..",
// checking that this is where it came from.
type sweeper struct {
	at   dir
	path []string
	keep func(dir inode, name string) bool
}

// remove removes name in the current directory, which is current again when it
// returns without an error. It reports whether something had to be kept.
func (s *sweeper) remove(name string) (kept bool, err error) {
	kept = s.keep != nil && s.keep(s.at.id, name)
	var unlinkErr error
	if !kept {
		unlinkErr = unix.Unlinkat(s.at.fd, name, 0)
		if unlinkErr == nil || unlinkErr == unix.ENOENT {
			return false, nil
		}
	}
	above := s.at.id
	names, err := s.enter(name)
	switch {
	case err == unix.ENOTDIR || err == unix.ELOOP: // ELOOP: a symlink
		return kept, s.failed("unlinkat", name, unlinkErr)
	case err != nil:
		return false, s.failed("openat2", name, err)
	}
	for _, below := range names {
		k, err := s.remove(below)
		if err != nil {
			return false, err
		}
		kept = kept || k
	}
	if err := s.leave(above); err != nil {
		return false, s.failed("openat2", "..", err)
	}
	if kept {
		return true, nil
	}
	return false, s.failed("unlinkat", name, unix.Unlinkat(s.at.fd, name, unix.AT_REMOVEDIR))
}

// enter makes the directory name the current one and lists it. It enters
// neither symlinks nor mounts: what is mounted in a tree is not part of it.
func (s *sweeper) enter(name string) ([]string, error) {
	d, err := openDir(s.at.fd, name, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return nil, err
	}
	if s.keep == nil && d.mode&0o700 != 0o700 {
		// If it fails, so will reading or removing, and that is reported.
		_ = unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", d.fd), 0o700)
	}
	names, err := readNames(d.fd)
	if err != nil {
		unix.Close(d.fd)
		return nil, err
	}
	unix.Close(s.at.fd)
	s.at, s.path = d, append(s.path, name)
	return names, nil
}

// leave makes the parent directory, which must be above, the current one.
func (s *sweeper) leave(above inode) error {
	d, err := openDir(s.at.fd, "..", 0)
	if err != nil {
		return err
	}
	if d.id != above {
		unix.Close(d.fd)
		return errors.New("moved while being removed")
	}
	unix.Close(s.at.fd)
	s.at, s.path = d, s.path[:len(s.path)-1]
	return nil
}

func (s *sweeper) failed(call, name string, err error) error {
	if err == nil {
		return nil
	}
	return failed(call, path.Join(strings.Join(s.path, "/"), name), err)
}

// readNames lists the directory fd, which may be open for its path only.
func readNames(fd int) (names []string, err error) {
	fd, err = unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 8<<10)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
