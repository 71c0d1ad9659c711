package unpack

import (
	"io/fs"
	"strconv"
)

// failed describes the failure of a system call on a path, which is quoted if
// printing it could do anything to a terminal.
func failed(call, path string, err error) error {
	if err == nil {
		return nil
	}
	path = shorten(path)
	if q := strconv.Quote(path); len(q) > len(path)+2 {
		path = q
	}
	return &fs.PathError{Op: call, Path: path, Err: err}
}

// shorten keeps names, which a layer may make a megabyte long, fit for errors.
func shorten(name string) string {
	if len(name) > 300 {
		return name[:300] + "..."
	}
	return name
}

// OwnerError is a file that cannot be given to its owner. With EINVAL the user namespace
// does not have that owner (chown(2)).
type OwnerError struct {
	UID, GID int
	err      error
}

func (e *OwnerError) Error() string { return e.err.Error() }
func (e *OwnerError) Unwrap() error { return e.err }
