package unpack

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLeftOut limits the memory for the names of what was left out, in bytes.
const maxLeftOut = 4 << 20

// leftOut is what layers have and the tree has not: devices that could not be made,
// and hard links to them. A later hard link to one of them is left out as well,
// while one to a name that never was is an error.
type leftOut struct {
	dirs map[inode]*missing
	size int
}

// missing is what was left out of one directory.
type missing struct {
	path  string // from the rootfs, through no symlink
	names map[string]struct{}
}

func (o *leftOut) has(p place) bool {
	if m := o.dirs[p.dir]; m != nil {
		_, ok := m.names[p.name]
		return ok
	}
	return false
}

func (o *leftOut) add(d *dir, dirPath, name string) error {
	if o.dirs == nil {
		o.dirs = map[inode]*missing{}
	}
	m := o.dirs[d.id]
	if m == nil {
		m = &missing{dirPath, map[string]struct{}{}}
		o.dirs[d.id] = m
		o.size += len(dirPath) + 100
	}
	// A clone: name is a part of a string that may be much longer.
	m.names[strings.Clone(name)] = struct{}{}
	o.size += len(name) + 50
	if o.size > maxLeftOut {
		return errors.New("too many devices that cannot be made")
	}
	return nil
}

// forget notes that something else has this name now, or nothing.
func (o *leftOut) forget(p place) {
	if m := o.dirs[p.dir]; m != nil {
		delete(m.names, p.name)
	}
}

// hide notes that a directory is emptied, except for what keep says.
func (o *leftOut) hide(d inode, keep func(place) bool) {
	m := o.dirs[d]
	if m == nil {
		return
	}
	maps.DeleteFunc(m.names, func(name string, _ struct{}) bool { return !keep(place{d, name}) })
	if len(m.names) == 0 {
		delete(o.dirs, d) // its inode may become another directory's
	}
}

// leaveOut notes that e is not made, and removes what is in its place.
func (l *layer) leaveOut(e entry) error {
	if err := l.remove(e); err != nil {
		return err
	}
	dirPath, err := l.pathOf(e.dir)
	if err != nil {
		return err
	}
	return l.leftOut.add(e.dir, dirPath, e.base)
}

// LeftOut lists the paths of what the layers so far have and the tree has not, for
// the Options of another Rootfs: devices that could not be made, and hard links to
// them.
func (r *Rootfs) LeftOut() []string {
	var paths []string
	for _, m := range r.leftOut.dirs {
		for name := range m.names {
			paths = append(paths, path.Join(m.path, name))
		}
	}
	slices.Sort(paths)
	return paths
}

// rememberLeftOut takes over what the layers below left out.
func (r *Rootfs) rememberLeftOut() error {
	for _, name := range r.options.LeftOut {
		above, base := path.Split(path.Clean("/" + name))
		d, err := r.resolve(above)
		if nothingThere(err) {
			continue
		}
		if err != nil {
			return err
		}
		err = r.leftOut.add(&d, path.Clean(above), base)
		unix.Close(d.fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// pathOf is the path of d from the rootfs, through no symlink.
func (r *Rootfs) pathOf(d *dir) (string, error) {
	root, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", r.root.fd))
	if err != nil {
		return "", err
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.fd))
	if err != nil {
		return "", err
	}
	return path.Join("/", strings.TrimPrefix(name, root)), nil
}
