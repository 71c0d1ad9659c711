package unpack

import (
	"archive/tar"
	"fmt"
	"io"
	"math"
	"path"

	"golang.org/x/sys/unix"
)

// An entry is where one entry of a layer goes.
type entry struct {
	dir  dir
	base string // in dir; never followed
	path string // from the rootfs
}

// apply applies one entry of the layer.
func (l *layer) apply(hdr *tar.Header, content io.Reader) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil // comments, such as git's commit id
	}
	name := path.Clean("/" + hdr.Name) // a leading ".." goes nowhere
	if w, err := parseWhiteout(name); err != nil || w.kind != noWhiteout {
		if err != nil {
			return err
		}
		if l.overlay != "" {
			return l.mark(name, w)
		}
		return l.whiteout(name, w)
	}
	for _, id := range []int64{int64(hdr.Uid), int64(hdr.Gid)} {
		// The last one, (uid_t)-1, means "leave as it is" to chown.
		if id < 0 || id >= math.MaxUint32 {
			return fmt.Errorf("owner %d:%d is out of range", hdr.Uid, hdr.Gid)
		}
	}
	base := path.Base(name)
	if name == "/" {
		if hdr.Typeflag != tar.TypeDir {
			return fmt.Errorf("the root must be a directory, not type %q", hdr.Typeflag)
		}
		base = "."
	}
	d, err := l.parent(name, true)
	if err != nil {
		return err
	}
	e := entry{d, base, name}
	l.written[place{d.id, base}] = true

	switch hdr.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		err = l.file(e, content)
	case tar.TypeDir:
		err = l.directory(e, hdr)
	case tar.TypeSymlink:
		err = l.replace(e, "symlinkat", func() error {
			return unix.Symlinkat(hdr.Linkname, d.fd, base)
		})
	case tar.TypeFifo:
		err = l.replace(e, "mknodat", func() error {
			return unix.Mknodat(d.fd, base, unix.S_IFIFO|0o600, 0)
		})
	case tar.TypeLink:
		// The attributes are the target's: its own entry has set them. To set
		// them again through a link is how CVE-2021-32760 happened.
		return l.link(e, hdr.Linkname)
	case tar.TypeChar, tar.TypeBlock:
		made, err := l.device(e, hdr)
		if !made {
			return err
		}
	default:
		return fmt.Errorf("unknown type %q", hdr.Typeflag)
	}
	if err != nil {
		return err
	}
	return l.attributes(e, hdr)
}

// replace calls create, a system call that makes e and fails with EEXIST when
// something is there already. Then that is removed, whatever it is, and create
// called again.
func (l *layer) replace(e entry, call string, create func() error) error {
	err := create()
	if err == unix.EEXIST {
		if err := l.remove(e); err != nil {
			return err
		}
		err = create()
	}
	return failed(call, e.path, err)
}

// directory makes e a directory. One that is there keeps its contents. A
// symlink to a directory is replaced: the specification merges a directory with
// a directory only, and Docker, containerd, umoci and buildah all do it so.
func (l *layer) directory(e entry, hdr *tar.Header) error {
	var st unix.Stat_t
	there := unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
	if there && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		l.dirs.named(inodeOf(&st), hdr)
		return l.clearXattrs(e)
	}
	err := l.replace(e, "mkdirat", func() error {
		return unix.Mkdirat(e.dir.fd, e.base, 0o700)
	})
	if err != nil || l.dirs == nil {
		return err
	}
	if there && isWhiteout(&st) {
		// What it hid stays hidden, now that there is a directory in its place.
		if err := l.setOpaque(e.dir, e.base, e.path); err != nil {
			return err
		}
	}
	if err := unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed("fstatat", e.path, err)
	}
	l.dirs.named(inodeOf(&st), hdr)
	return nil
}
