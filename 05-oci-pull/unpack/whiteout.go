package unpack

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A whiteout is an entry that hides something of the layers below.
type whiteout struct {
	kind whiteoutKind
	name string // what hideName hides, in the whiteout's directory
}

type whiteoutKind int

const (
	noWhiteout whiteoutKind = iota
	hideName                // .wh.NAME
	hideAll                 // .wh..wh..opq, the opaque whiteout
	aufsData                // .wh..wh.*: AUFS's own files, in images of Docker's first years
)

// parseWhiteout tells what name, a clean path, stands for. The type of the
// entry does not matter.
func parseWhiteout(name string) (whiteout, error) {
	if !strings.Contains(name, "/.wh.") {
		return whiteout{}, nil
	}
	above, base := path.Split(name)
	switch {
	case strings.Contains(above, "/.wh..wh."):
		return whiteout{kind: aufsData}, nil
	case strings.Contains(above, "/.wh."):
		return whiteout{}, errors.New("a whiteout cannot be a directory")
	case base == ".wh..wh..opq":
		return whiteout{kind: hideAll}, nil
	case strings.HasPrefix(base, ".wh..wh."):
		return whiteout{kind: aufsData}, nil
	}
	hidden := strings.TrimPrefix(base, ".wh.")
	if hidden == "" || hidden == "." || hidden == ".." {
		return whiteout{}, errors.New("malformed whiteout")
	}
	return whiteout{hideName, hidden}, nil
}

// whiteout removes what an entry called name hides. Only lower layers are
// hidden, so the order of a whiteout and its layer's other entries is free.
func (l *layer) whiteout(name string, w whiteout) error {
	if w.kind == aufsData {
		return nil
	}
	d, err := l.parent(name, false)
	if nothingThere(err) {
		return nil // nor is there anything to hide
	}
	if err != nil || l.written.isPure(d.id) {
		return err
	}
	if w.kind == hideAll {
		l.forget()
		return l.sweep(entry{d, ".", path.Dir(name)}, true)
	}
	e := entry{d, w.name, path.Join(path.Dir(name), w.name)}
	if !l.written.has(e.place()) {
		l.leftOut.forget(e.place())
	}
	return l.removeName(e, true)
}

// remove makes room for e.
func (l *layer) remove(e entry) error { return l.removeName(e, false) }

// removeName removes e and all below it. If spare is set, what this layer has
// written stays.
func (l *layer) removeName(e entry, spare bool) error {
	var st unix.Stat_t
	err := unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return failed("fstatat", e.path, err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFDIR || kind == unix.S_IFLNK {
		l.forget()
	}
	if kind == unix.S_IFDIR {
		return l.sweep(e, spare)
	}
	if spare && l.written.has(e.place()) {
		return nil
	}
	e.dir.changed = true
	return failed("unlinkat", e.path, unix.Unlinkat(e.dir.fd, e.base, 0))
}
