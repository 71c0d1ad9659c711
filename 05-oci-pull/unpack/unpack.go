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
// # Directories that no layer names
//
// A layer may have a file in a directory without having an entry for the
// directory. If a layer below has it, it stays as it is. If not, it is made with
// mode 0755, belongs to the caller, and has the modification time of the first
// entry in it, so that unpacking twice gives the same tree twice.
//
// # Overlays
//
// The directory may be an overlayfs mounted over the layers below: the kernel
// then writes one layer's changes, and nothing else, to the upper directory. The
// visible tree is the same as when the layers are unpacked over each other,
// except for link counts: a hard link to a file of a lower layer copies the file
// up, and other names that the lower layer has for it stay names of the old one.
//
// A character device 0/0, which overlayfs takes for a whiteout, is left out.
//
// The package needs Linux 5.6 for openat2, and /proc for extended attributes.
package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Options says how a Rootfs is written.
type Options struct {
	// Owners gives files to the owners that layers name, which only some
	// processes may do: see PreservesOwners. Without it everything belongs to
	// the caller, devices are left out, and directories keep at least u+rwx, so
	// that the layers above can be applied and the tree can be removed.
	Owners bool

	// LeftOut is what Rootfs.LeftOut returned after the layers below, where
	// another Rootfs has applied them.
	LeftOut []string

	// MaxEntries limits the names that one layer may make or hide. Each costs
	// some 20 bytes of memory at most. 0 means DefaultMaxEntries.
	MaxEntries int

	// MaxBytes limits the contents of the files of all layers together: see
	// Rootfs.Unpacked. 0 means no limit.
	MaxBytes int64
}

// Rootfs is a root filesystem being assembled from layers. It is for one
// goroutine at a time.
type Rootfs struct {
	options  Options
	root     dir
	buf      []byte // for copying file contents
	leftOut  leftOut
	unpacked int64
	copiesUp bool // the directory is an overlay, where a hard link may copy a file

	// The directory of the last entry stays open: tar archives are sorted by
	// directory more often than not. lastPath leads to it unless it is empty.
	last     dir
	lastPath string
}

// Open starts on path, an existing directory that nothing else writes to.
func Open(path string, o Options) (*Rootfs, error) {
	if o.MaxEntries == 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, failed("open", path, err)
	}
	r := &Rootfs{
		options: o,
		root:    dir{fd: fd},
		last:    dir{fd: -1},
		buf:     make([]byte, 256<<10),
	}
	if err := r.start(path); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Rootfs) start(path string) error {
	// The first use of openat2 shows whether the kernel has it.
	probe, err := r.resolve("/")
	if errors.Is(err, unix.ENOSYS) {
		err = fmt.Errorf("%w (needs Linux 5.6 or later)", err)
	}
	if err != nil {
		return err
	}
	unix.Close(probe.fd)
	r.root.id = probe.id
	var fs unix.Statfs_t
	if err := unix.Fstatfs(r.root.fd, &fs); err != nil {
		return failed("fstatfs", path, err)
	}
	r.copiesUp = fs.Type == unix.OVERLAYFS_SUPER_MAGIC
	return r.rememberLeftOut()
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
	written *written
	entries int              // names made or hidden so far
	now     [2]unix.Timespec // times of the entry being applied
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
	l := &layer{Rootfs: r, ctx: ctx, written: newWritten()}
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
	l.forget()
	return l.leave()
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
