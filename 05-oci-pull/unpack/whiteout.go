package unpack

import (
	"errors"
	"path"
	"strings"
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
	if err != nil {
		return err
	}
	defer l.forget()
	above := path.Dir(name)
	if w.kind == hideName {
		return sweep(d, w.name, above, l.keep)
	}
	names, err := readNames(d.fd)
	if err != nil {
		return failed("getdents", above, err)
	}
	for _, base := range names {
		if err := sweep(d, base, above, l.keep); err != nil {
			return err
		}
	}
	return nil
}

// keep tells whether this layer wrote a name. The number of a removed directory's
// inode may have gone to a new one, but then all there is in that one was written
// by this layer too.
func (l *layer) keep(d inode, name string) bool {
	return l.written[place{d, name}]
}

// remove makes room for e.
func (l *layer) remove(e entry) error {
	l.forget()
	return sweep(e.dir, e.base, path.Dir(e.path), nil)
}
