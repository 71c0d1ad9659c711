// Package unpack applies the layers of an image to a root filesystem directory.
//
// A layer is a tar stream of changes to the layers below it: files to add or
// replace, and whiteouts, which are names to hide. What each entry means is in
// the chapter "Applying Changesets" of the OCI image specification
// (https://github.com/opencontainers/image-spec/blob/main/layer.md).
//
// Layers come from strangers and are often unpacked by root, so the first duty
// is to touch nothing outside the directory. The attacks are old and keep
// coming back:
//
//   - a symlink to /etc, then a file written, linked or hidden "below" it
//     (Docker, CVE-2014-6407);
//   - an entry for the root itself that is a symlink (umoci, CVE-2021-29136);
//   - a mode or owner set on a name that is a symlink (containerd,
//     CVE-2021-32760).
//
// Checking names as text cannot stop these, because the kernel follows
// symlinks when the name is used. So the kernel does the checking: the
// directory an entry lives in is opened with openat2(2) and RESOLVE_IN_ROOT,
// which follows symlinks and ".." as a process chrooted into the directory
// would see them. That is also what images mean: var/run/x is right where a
// lower layer made var/run a symlink to /run. Everything else is done relative
// to that open directory, on the entry's last name, which is never followed.
//
// The package needs Linux 5.6 for openat2, and /proc for extended attributes.
package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// Options says how a Rootfs is written.
type Options struct {
	// Owners gives files to the owners that layers name, which only some
	// processes may do: see PreservesOwners. Without it everything belongs to
	// the caller, devices are left out, and directories keep at least u+rwx, so
	// that the layers above can be applied and the tree can be removed.
	Owners bool

	// Overlay has the one layer that is applied written as a directory for
	// overlayfs, with marks for what it hides of the layers below. It is the name of
	// the extended attribute that marks an opaque directory: trusted.overlay.opaque,
	// or user.overlay.opaque in a user namespace.
	Overlay string
}

// Rootfs is a root filesystem being assembled from layers. It is for one
// goroutine at a time.
type Rootfs struct {
	root    dir
	owners  bool
	overlay string
	buf     []byte // for copying file contents

	// leftOut are the devices that could not be made, and hard links to them.
	leftOut map[place]bool

	// The directory of the last entry stays open: tar archives are sorted by
	// directory more often than not. It is valid while lastPath is not empty.
	last     dir
	lastPath string

	dirs *directories // nil unless in overlay form
}

// Open starts on path, an existing directory that nothing else writes to.
func Open(path string, o Options) (*Rootfs, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, failed("open", path, err)
	}
	r := &Rootfs{
		root:    dir{fd: fd},
		owners:  o.Owners,
		overlay: o.Overlay,
		buf:     make([]byte, 256<<10),
		leftOut: map[place]bool{},
		last:    dir{fd: -1},
	}
	// The first use of openat2 shows whether the kernel has it.
	probe, err := r.resolve("/")
	if err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.ENOSYS) {
			err = fmt.Errorf("%w (needs Linux 5.6 or later)", err)
		}
		return nil, err
	}
	unix.Close(probe.fd)
	if r.overlay != "" {
		r.dirs = newDirectories(probe.id)
	}
	return r, nil
}

// Close releases what Open and Apply opened. The directory stays.
func (r *Rootfs) Close() error {
	if r.last.fd >= 0 {
		unix.Close(r.last.fd)
	}
	return unix.Close(r.root.fd)
}

// A layer is the state of one Apply.
type layer struct {
	*Rootfs
	ctx     context.Context
	written map[place]bool  // what this layer has put into the tree
	times   map[inode]stamp // directory times, set when all else is done
}

// A place is a name in a directory. The directory is identified by its inode
// because several paths can lead to it, through symlinks.
type place struct {
	dir  inode
	name string
}

// Apply applies one uncompressed layer. Layers are applied lowest first.
//
// It reads stream up to the end of the tar archive; what comes after that, which
// counts for digests, is left for the caller to read. A stream that stops within
// an entry is an error. Between two entries it is not, because some builders
// write no end marker, or nothing at all for a layer without changes: it is the
// diff ID that tells the caller whether there should have been more.
//
// When ctx is cancelled, Apply stops with its error; only a Read of stream that
// blocks must be ended by whoever made the stream. After any error the tree is
// incomplete and fit only for RemoveAll.
func (r *Rootfs) Apply(ctx context.Context, stream io.Reader) error {
	l := &layer{
		Rootfs:  r,
		ctx:     ctx,
		written: map[place]bool{},
		times:   map[inode]stamp{},
	}
	r.forget() // parent must note the times of directories anew
	tr := tar.NewReader(source{ctx, stream})
	for {
		hdr, err := tr.Next()
		if err == io.EOF {
			break
		}
		// archive/tar may be told to refuse names with "..". They cannot lead
		// outside here.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("read layer: %w", err)
		}
		if err := l.apply(hdr, tr); err != nil {
			return fmt.Errorf("layer entry %q: %w", shorten(hdr.Name), err)
		}
	}
	if l.dirs != nil {
		if err := l.dropMarks(); err != nil {
			return err
		}
	}
	return l.setDirTimes()
}

// A source is the stream below the tar reader. It stops when the context does.
type source struct {
	ctx context.Context
	io.Reader
}

func (s source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}

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
