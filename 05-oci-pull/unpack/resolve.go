package unpack

import (
	"errors"
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
	fd       int
	id       inode
	mode     uint32
	uid, gid uint32

	// times are the access and modification time to go back to, once changed is
	// set because something was made or removed in the directory.
	times   [2]unix.Timespec
	changed bool
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
	return dir{
		fd: fd, id: inodeOf(&st), mode: st.Mode, uid: st.Uid, gid: st.Gid,
		times: [2]unix.Timespec{st.Atim, st.Mtim},
	}, nil
}

// restore puts back the times of d, if something was made or removed in it.
func (d *dir) restore() error {
	if !d.changed {
		return nil
	}
	d.changed = false
	return unix.UtimesNanoAt(d.fd, ".", d.times[:], 0)
}

func (d *dir) close() error {
	err := d.restore()
	unix.Close(d.fd)
	return err
}

// parent opens the directory that name is in. The result is valid until the
// next call.
func (l *layer) parent(name string, create bool) (*dir, error) {
	name = path.Dir(name)
	if name == l.lastPath {
		return &l.last, nil
	}
	if err := l.leave(); err != nil {
		return nil, err
	}
	d, err := l.descend(name)
	if create && errors.Is(err, unix.ENOENT) {
		d, err = l.makeDirs(name)
	}
	if err != nil {
		return nil, err
	}
	if l.last.fd >= 0 {
		unix.Close(l.last.fd)
	}
	l.last, l.lastPath = d, name
	return &l.last, nil
}

// descend opens the directory called name, from the last entry's if name is below:
// in a deep tree the way from the root is long.
func (l *layer) descend(name string) (dir, error) {
	if rest, below := l.belowLast(name); below {
		d, err := openDir(l.last.fd, rest, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_BENEATH)
		if err != unix.ELOOP {
			return d, failed("openat2", name, err)
		}
	}
	return l.resolve(name)
}

// belowLast gives the way to name from the directory of the last entry.
func (l *layer) belowLast(name string) (rest string, below bool) {
	if l.lastPath == "" || len(name) <= len(l.lastPath) {
		return "", false
	}
	return strings.CutPrefix(name, strings.TrimSuffix(l.lastPath, "/")+"/")
}

// leave puts back the times of the last entry's directory. A directory's own entry
// has set them before the entries in it change them again, or it has no entry in
// this layer: either way, they become again what they were when it was opened.
func (l *layer) leave() error {
	return failed("utimensat", l.lastPath, l.last.restore())
}

// forget drops the path of the last entry's directory. It must be called when a
// directory or a symlink has been removed: the path may lead elsewhere now. The
// directory itself stays open for whoever is still working in it.
func (r *Rootfs) forget() { r.lastPath = "" }

// nothingThere tells whether err means that a path leads to nothing.
func nothingThere(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}
