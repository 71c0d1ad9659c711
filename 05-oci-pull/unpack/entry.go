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
	dir  *dir
	base string // in dir; never followed
	path string // from the rootfs
}

func (e entry) place() place { return place{e.dir.id, e.base} }

// apply applies one entry of the layer.
func (l *layer) apply(hdr *tar.Header, content io.Reader) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil // comments, such as git's commit id
	}
	if err := l.check(hdr); err != nil {
		return err
	}
	name := path.Clean("/" + hdr.Name) // a leading ".." goes nowhere
	if w, err := parseWhiteout(name); err != nil || w.kind != noWhiteout {
		if err != nil {
			return err
		}
		return l.whiteout(name, w)
	}
	base := path.Base(name)
	if name == "/" {
		if hdr.Typeflag != tar.TypeDir {
			return fmt.Errorf("the root must be a directory, not type %q", hdr.Typeflag)
		}
		base = "."
	}
	var err error
	if l.now, err = timesOf(hdr); err != nil {
		return err
	}
	d, err := l.parent(name, true)
	if err != nil {
		return err
	}
	e := entry{d, base, name}
	l.leftOut.forget(e.place())
	if !l.written.isPure(d.id) {
		l.written.add(e.place())
	}
	return l.create(e, hdr, content)
}

// check refuses what no filesystem could hold, or what is too much.
func (l *layer) check(hdr *tar.Header) error {
	if err := l.count(); err != nil {
		return err
	}
	if err := checkName(hdr.Name); err != nil {
		return err
	}
	switch hdr.Typeflag {
	case tar.TypeLink, tar.TypeSymlink:
		if err := checkPath(hdr.Linkname); err != nil {
			return fmt.Errorf("its target: %w", err)
		}
	}
	for _, id := range []int64{int64(hdr.Uid), int64(hdr.Gid)} {
		// The last one, (uid_t)-1, means "leave as it is" to chown.
		if id < 0 || id >= math.MaxUint32 {
			return fmt.Errorf("owner %d:%d is out of range", hdr.Uid, hdr.Gid)
		}
	}
	return nil
}

// create makes e what the layer says it is, with its attributes.
func (l *layer) create(e entry, hdr *tar.Header, content io.Reader) (err error) {
	switch hdr.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		err = l.file(e, hdr, content)
	case tar.TypeDir:
		return l.directory(e, hdr)
	case tar.TypeSymlink:
		err = l.replace(e, "symlinkat", func() error {
			return unix.Symlinkat(hdr.Linkname, e.dir.fd, e.base)
		})
	case tar.TypeFifo:
		err = l.replace(e, "mknodat", func() error {
			return unix.Mknodat(e.dir.fd, e.base, unix.S_IFIFO|0o600, 0)
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
	_, err = l.attributes(e, hdr)
	return err
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
	e.dir.changed = true
	return failed(call, e.path, err)
}

// directory makes e a directory. One that is there keeps its contents. A
// symlink to a directory is replaced: the specification merges a directory with
// a directory only, and Docker, containerd, umoci and buildah all do it so.
func (l *layer) directory(e entry, hdr *tar.Header) error {
	var st unix.Stat_t
	err := unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	merge := err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
	if merge {
		err = l.clearXattrs(e)
	} else {
		err = l.replace(e, "mkdirat", func() error {
			return unix.Mkdirat(e.dir.fd, e.base, creationMode(hdr)|0o700)
		})
	}
	if err != nil {
		return err
	}
	id, err := l.attributes(e, hdr)
	if err != nil {
		return err
	}
	if !merge {
		l.written.pure(id)
	}
	if e.base == "." {
		e.dir.times = l.now // what it is left with
	}
	return nil
}
