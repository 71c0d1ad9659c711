package unpack

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// In overlay form a layer is unpacked alone, into a directory of its own, and
// overlayfs puts the layers over each other later. So nothing can be removed that
// a layer below has; it is marked as hidden instead, in overlayfs's own way
// (https://docs.kernel.org/filesystems/overlayfs.html, "whiteouts and opaque
// directories"): a character device 0/0 hides a name, an extended attribute all
// that a directory has further down.

// mark is whiteout in overlay form.
func (l *layer) mark(name string, w whiteout) error {
	if w.kind == aufsData {
		return nil
	}
	d, err := l.parent(name, true)
	if err != nil {
		return err
	}
	above := path.Dir(name)
	if w.kind == hideAll {
		return l.setOpaque(d, ".", above)
	}
	hidden := path.Join(above, w.name)
	var st unix.Stat_t
	switch err := unix.Fstatat(d.fd, w.name, &st, unix.AT_SYMLINK_NOFOLLOW); {
	case err == unix.ENOENT:
		d.changed = true
		// An ordinary user may make this device, and no other, since Linux 5.8.
		return failed("mknodat", hidden, unix.Mknodat(d.fd, w.name, unix.S_IFCHR, 0))
	case err != nil:
		return failed("fstatat", hidden, err)
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		// This layer has a directory of the name, which would be merged with what
		// is below.
		return l.setOpaque(d, w.name, hidden)
	}
	return nil // all but directories hide what is below anyhow
}

// unmark removes the whiteout that is in the way of a directory. Its error is that
// of opening what is left.
func (l *layer) unmark(d *dir, base string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, err
	}
	if !isWhiteout(&st) {
		return false, unix.ENOTDIR
	}
	if err := unix.Unlinkat(d.fd, base, 0); err != nil {
		return false, err
	}
	return true, unix.ENOENT
}

func isWhiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

// setOpaque hides all that the layers below have in a directory.
func (l *layer) setOpaque(d *dir, base, name string) error {
	err := unix.Lsetxattr(fmt.Sprintf("/proc/self/fd/%d/%s", d.fd, base), l.options.Overlay, []byte("y"), 0)
	if err == unix.ENOTSUP {
		return fmt.Errorf("%w: this filesystem holds no %s (tmpfs does from Linux 6.6)", failed("lsetxattr "+l.options.Overlay, name, err), l.options.Overlay)
	}
	if err != nil {
		return failed("lsetxattr "+l.options.Overlay, name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return failed("fstatat", name, err)
	}
	l.dirs.opaque[inodeOf(&st)] = name
	return nil
}

// dropMarks removes the whiteouts below opaque directories. There is nothing that
// they could hide, and where it has nothing to merge overlayfs lists them.
func (l *layer) dropMarks() error {
	for id, name := range l.dirs.opaque {
		d, err := l.resolve(name)
		if nothingThere(err) {
			continue // the layer has replaced it since
		}
		if err != nil {
			return err
		}
		if d.id == id {
			err = dropBelow(d)
		}
		unix.Close(d.fd)
		if err != nil {
			return err
		}
	}
	return nil
}

func dropBelow(d dir) error {
	return filepath.WalkDir(fmt.Sprintf("/proc/self/fd/%d/", d.fd), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() != fs.ModeDevice|fs.ModeCharDevice {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return failed("lstat", name, err)
		}
		if !isWhiteout(&st) {
			return nil
		}
		return failed("unlink", name, unix.Unlink(name))
	})
}

// Directory is what a layer says of a directory.
type Directory struct {
	Mode     uint32 // permission bits, with setuid, setgid and sticky
	UID, GID int
	ModTime  time.Time
}

// directories remembers what a layer in overlay form says of its directories. Of
// some it says nothing, and has only files in them: these keep the attributes that
// the layers below give them, which are not in sight here.
type directories struct {
	said   map[inode]Directory
	silent map[inode]bool
	opaque map[inode]string // their paths
}

func newDirectories(root inode) *directories {
	return &directories{map[inode]Directory{}, map[inode]bool{root: true}, map[inode]string{}}
}

func (d *directories) named(id inode, hdr *tar.Header) {
	if d == nil {
		return
	}
	delete(d.silent, id)
	d.said[id] = Directory{uint32(hdr.Mode) & 0o7777, hdr.Uid, hdr.Gid, hdr.ModTime}
}

// MadeUp is what a directory is made with of which no layer says anything.
var MadeUp = Directory{Mode: 0o755}

// implied notes that a directory was made for something in it, and in the place
// of a whiteout if hidden: then no layer below has a say in it.
func (l *layer) implied(d *dir, name string, hidden bool) error {
	if l.dirs == nil {
		return nil
	}
	if hidden {
		l.dirs.said[d.id] = MadeUp
		return l.setOpaque(d, ".", name)
	}
	delete(l.dirs.said, d.id) // of a directory that is gone
	l.dirs.silent[d.id] = true
	return nil
}

// Directories is what a layer says of directories, by their paths from the rootfs.
type Directories struct {
	Said   map[string]Directory
	Silent []string // it has something in them, and says nothing of them
	Hidden []string // what it hides of the layers below: a name, or DIR/ for all that is in DIR
}

// AttributesOf tells what the highest layer that has a say in it, of these and lowest
// first, says of a directory.
func AttributesOf(name string, layers ...Directories) Directory {
	for _, layer := range slices.Backward(layers) {
		if d, ok := layer.Said[name]; ok {
			return d
		}
		if slices.ContainsFunc(layer.Hidden, func(hidden string) bool {
			return name == hidden || name != "/" && strings.HasPrefix(name, strings.TrimSuffix(hidden, "/")+"/")
		}) {
			break
		}
	}
	return MadeUp
}

// Directories tells, after Apply in overlay form, what the layer says of directories.
func (r *Rootfs) Directories() (Directories, error) {
	all := Directories{Said: map[string]Directory{}}
	root := fmt.Sprintf("/proc/self/fd/%d", r.root.fd)
	err := filepath.WalkDir(root+"/", func(name string, entry fs.DirEntry, err error) error {
		device := err == nil && entry.Type() == fs.ModeDevice|fs.ModeCharDevice
		if err != nil || !entry.IsDir() && !device {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return failed("lstat", name, err)
		}
		inside := path.Join("/", strings.TrimPrefix(name, root))
		switch d, said := r.dirs.said[inodeOf(&st)]; {
		case device && isWhiteout(&st):
			all.Hidden = append(all.Hidden, inside)
		case device:
		case said:
			all.Said[inside] = d
		case r.dirs.silent[inodeOf(&st)]:
			all.Silent = append(all.Silent, inside)
		}
		if _, err := unix.Lgetxattr(name, r.options.Overlay, nil); err == nil {
			all.Hidden = append(all.Hidden, strings.TrimSuffix(inside, "/")+"/")
		}
		return nil
	})
	return all, err
}
