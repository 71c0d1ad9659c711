package unpack

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// DefaultMaxEntries is the limit for a layer's entries where Options has none. The
// largest images of the public registries have some 300,000 files in a layer.
const DefaultMaxEntries = 1 << 20

const nameMax = 255 // NAME_MAX of limits.h, which the kernel's filesystems share

// count notes that the layer makes or hides another name.
func (l *layer) count() error {
	l.entries++
	if l.entries > l.options.MaxEntries {
		return fmt.Errorf("the layer has more than %d entries", l.options.MaxEntries)
	}
	return nil
}

// take notes that n more bytes are about to be unpacked.
func (r *Rootfs) take(n int64) error {
	r.unpacked += n
	if r.options.MaxBytes > 0 && (r.unpacked > r.options.MaxBytes || r.unpacked < 0) {
		return fmt.Errorf("the files have more than %d bytes: if you trust the image, allow more with --max-size", r.options.MaxBytes)
	}
	return nil
}

// Unpacked is the size of the contents of all files so far. Over an overlay it
// includes files that hard links have copied up from a lower layer.
func (r *Rootfs) Unpacked() int64 { return r.unpacked }

// checkName refuses a name of a file before anything is done about it: archive/tar
// accepts a megabyte, and the kernel only what fits into a system call.
func checkName(name string) error {
	err := checkPath(name)
	for base := range strings.SplitSeq(name, "/") {
		if len(strings.TrimPrefix(base, ".wh.")) > nameMax {
			err = unix.ENAMETOOLONG
		}
	}
	return err
}

// checkPath refuses a path that is too long to be a symlink's target.
func checkPath(name string) error {
	if len(name) >= unix.PathMax {
		return unix.ENAMETOOLONG
	}
	return nil
}
