package unpack

import (
	"archive/tar"
	"bytes"
	"io"

	"golang.org/x/sys/unix"
)

// file makes e a regular file.
func (l *layer) file(e entry, hdr *tar.Header, content io.Reader) error {
	if err := l.take(hdr.Size); err != nil {
		return err
	}
	var fd int
	err := l.replace(e, "openat", func() (err error) {
		// O_EXCL also keeps open from following a symlink.
		fd, err = unix.Openat(e.dir.fd, e.base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, creationMode(hdr))
		return err
	})
	if err != nil {
		return err
	}
	err = l.copy(fd, e.path, content)
	if cerr := unix.Close(fd); err == nil {
		err = failed("close", e.path, cerr) // where some filesystems report a full disk
	}
	return err
}

// copy writes content to the new file fd. A whole buffer of zeros becomes a
// hole, so that a sparse file in the archive, which may claim any size, does not
// fill the disk.
func (l *layer) copy(fd int, name string, content io.Reader) error {
	var size int64
	holes := false
	for {
		if err := l.ctx.Err(); err != nil {
			return err // archive/tar makes up holes without reading anything
		}
		n, rerr := fill(l.buf, content)
		size += int64(n)
		if n == len(l.buf) && isZero(l.buf) {
			holes = true
			if _, err := unix.Seek(fd, int64(n), io.SeekCurrent); err != nil {
				return failed("lseek", name, err)
			}
		} else if err := write(fd, l.buf[:n]); err != nil {
			return failed("write", name, err)
		}
		if rerr == io.EOF {
			break
		}
		if rerr != nil {
			return rerr
		}
	}
	if holes { // the last one has not made the file longer
		return failed("ftruncate", name, unix.Ftruncate(fd, size))
	}
	return nil
}

// fill reads until buf is full. Unlike io.ReadFull it keeps the end of the file
// and that of a truncated stream apart.
func fill(buf []byte, r io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

func write(fd int, buf []byte) error {
	for len(buf) > 0 {
		n, err := unix.Write(fd, buf)
		if err != nil && err != unix.EINTR {
			return err
		}
		buf = buf[max(n, 0):]
	}
	return nil
}

func isZero(buf []byte) bool {
	return buf[0] == 0 && bytes.Equal(buf[1:], buf[:len(buf)-1])
}
