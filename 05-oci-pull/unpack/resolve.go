package unpack

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// An inode identifies a file whatever path led to it.
type inode struct{ dev, ino uint64 }

func inodeOf(st *unix.Stat_t) inode {
	return inode{uint64(st.Dev), st.Ino} // Dev is narrower on some architectures
}

// A dir is an open directory.
type dir struct {
	fd    int
	id    inode
	mode  uint32
	times [2]unix.Timespec // access and modification, when it was opened
}

// resolve opens the directory called name, as a process whose root is the
// rootfs would: absolute symlinks start at the rootfs, and ".." stops there.
func (r *Rootfs) resolve(name string) (dir, error) {
	// Magic links are those of /proc: they lead anywhere.
	d, err := openDir(r.root.fd, name, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	return d, failed("openat2", name, err)
}

// openDir opens the directory called name, from the directory above, under the
// restrictions in resolve. It needs no permission on the directory itself.
func openDir(above int, name string, resolve uint64) (dir, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: resolve,
	}
	fd, err := unix.Openat2(above, name, &how)
	for err == unix.EAGAIN || err == unix.EINTR {
		// EAGAIN: something on this machine was renamed or mounted meanwhile,
		// and the kernel could not tell whether a ".." had escaped.
		fd, err = unix.Openat2(above, name, &how)
	}
	if err != nil {
		return dir{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return dir{}, err
	}
	return dir{fd, inodeOf(&st), st.Mode, [2]unix.Timespec{st.Atim, st.Mtim}}, nil
}

// parent opens the directory that name is in. The result is valid until the
// next call.
func (l *layer) parent(name string, create bool) (dir, error) {
	name = path.Dir(name)
	if name == l.lastPath {
		return l.last, nil
	}
	d, err := l.resolve(name)
	// A whiteout of this layer may stand where a directory is to be.
	if create && (errors.Is(err, unix.ENOENT) || l.overlay != "" && errors.Is(err, unix.ENOTDIR)) {
		if err := l.makeDirs(name, 0); err != nil {
			return dir{}, err
		}
		d, err = l.resolve(name)
	}
	if err != nil {
		return dir{}, err
	}
	if l.last.fd >= 0 {
		unix.Close(l.last.fd)
	}
	l.last, l.lastPath = d, name
	l.keepTimes(name, d)
	return d, nil
}

// forget drops the directory of the last entry. It must be called when
// something has been removed: its path may lead elsewhere now. The directory
// itself stays open for whoever is still working in it.
func (r *Rootfs) forget() { r.lastPath = "" }

// makeDirs makes the directory called name and those above it where they are
// missing, mode 0755. Where name runs through a symlink to nothing, it makes
// what the symlink names. Unlike elsewhere name need not be clean: a ".." that
// comes from a symlink's target must be left for the kernel to resolve.
func (l *layer) makeDirs(name string, hops int) error {
	if hops > 40 { // as many as the kernel follows
		return failed("mkdirat", name, unix.ELOOP)
	}
	done := "/"
	for _, base := range strings.Split(name, "/") {
		if base == "" {
			continue
		}
		if err := l.makeDir(done, base, hops); err != nil {
			return err
		}
		done += base + "/"
	}
	return nil
}

// makeDir makes the directory base in the existing directory above.
func (l *layer) makeDir(above, base string, hops int) error {
	d, err := l.resolve(above + base)
	if err == nil {
		return unix.Close(d.fd)
	}
	hidden := false
	if l.overlay != "" && errors.Is(err, unix.ENOTDIR) {
		if hidden, err = l.unmark(above, base); err != nil {
			return err
		}
	} else if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if d, err = l.resolve(above); err != nil {
		return err
	}
	defer unix.Close(d.fd)
	l.keepTimes(above, d)
	switch err := unix.Mkdirat(d.fd, base, 0o755); err {
	case nil:
		if err := l.implied(d, base, above+base, hidden); err != nil {
			return err
		}
		// mkdir obeyed the umask and a setgid bit above. What it has just made is
		// not a symlink.
		if l.owners {
			err := unix.Fchownat(d.fd, base, os.Geteuid(), os.Getegid(), unix.AT_SYMLINK_NOFOLLOW)
			if err != nil {
				return failed("fchownat", above+base, err)
			}
		}
		return failed("fchmodat", above+base, unix.Fchmodat(d.fd, base, 0o755, 0))
	case unix.EEXIST: // a symlink to nothing
	default:
		return failed("mkdirat", above+base, err)
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd, base, target)
	if err != nil {
		return failed("readlinkat", above+base, err)
	}
	to := string(target[:n])
	if !strings.HasPrefix(to, "/") {
		to = above + to
	}
	return l.makeDirs(to, hops+1)
}

// nothingThere tells whether err means that a path leads to nothing.
func nothingThere(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}
