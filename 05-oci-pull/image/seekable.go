package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/uncompress"
)

// A seekable is an archive that can be read at any place.
type seekable struct {
	name  string
	file  *os.File
	start int64 // of the archive in the file
}

func (s *seekable) Close() error { return s.file.Close() }

// openSeekable opens a file, or stdin for "-". What is compressed, or is a pipe, is
// copied into a temporary file without a name, which goes with us: the layers need
// not come in the order in which we want them.
func openSeekable(ctx context.Context, name string, o Options) (*seekable, error) {
	var s *seekable
	err := interruptible(ctx, func() (err error) {
		s, err = openFile(ctx, name, o)
		return err
	})
	return s, err
}

func openFile(ctx context.Context, name string, o Options) (*seekable, error) {
	// Opening /dev/stdin anew would fail for another user's pipe, and for a socket.
	isStdin := name == "-" || name == "/dev/stdin" || name == "/dev/fd/0" || name == "/proc/self/fd/0"
	f, err := os.Stdin, error(nil)
	if isStdin {
		name = "stdin"
	} else {
		f, err = os.Open(name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory, not an archive: is it oci:%s?", name, name)
	}
	if info.Mode().IsRegular() {
		start := int64(0)
		if isStdin {
			start, err = f.Seek(0, io.SeekCurrent)
		}
		first := make([]byte, 8)
		n, _ := f.ReadAt(first, start)
		if err == nil && !uncompress.Compressed(first[:n]) {
			return &seekable{name, f, start}, nil
		}
	}
	defer f.Close()
	spool, err := spool(ctx, f, o.maxSize())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return &seekable{name, spool, 0}, nil
}

// spool copies a stream, uncompressed, into a temporary file.
func spool(ctx context.Context, from io.Reader, most int64) (*os.File, error) {
	stream, err := uncompress.Reader(from)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	to, err := nameless(spoolDir())
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(to, io.LimitReader(stopping{ctx, stream}, most+1))
	if err == nil && n > most {
		err = tooLarge(most)
	}
	if err != nil {
		to.Close()
		return nil, err
	}
	return to, nil
}

// spoolDir is where large temporary files belong: /tmp is often in memory (hier(7)).
func spoolDir() string {
	if os.Getenv("TMPDIR") == "" && unix.Access("/var/tmp", unix.W_OK) == nil {
		return "/var/tmp"
	}
	return os.TempDir()
}

// nameless makes a file that nobody can open, and that is gone when it is closed.
func nameless(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE|os.O_EXCL, 0o600)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) {
		return f, err
	}
	// Some filesystems, such as NFS, have only files with names.
	if f, err = os.CreateTemp(dir, "container-go-"); err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
}

// stopping ends a stream when a context is done.
type stopping struct {
	ctx context.Context
	io.Reader
}

func (s stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}

// interruptible does not wait for f when the context is done: opening a FIFO, or
// reading a pipe, may wait for ever.
func interruptible(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
