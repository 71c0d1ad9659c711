package unpack

import (
	"archive/tar"
	"errors"

	"golang.org/x/sys/unix"
)

// device makes e a device file and reports whether it did. Only root of the
// initial user namespace can: for others the device is left out, as runtimes
// give every container its own /dev in any case.
func (l *layer) device(e entry, hdr *tar.Header) (made bool, err error) {
	if l.owners {
		mode := uint32(unix.S_IFCHR)
		if hdr.Typeflag == tar.TypeBlock {
			mode = unix.S_IFBLK
		}
		dev := unix.Mkdev(uint32(hdr.Devmajor), uint32(hdr.Devminor))
		err := l.replace(e, "mknodat", func() error {
			return unix.Mknodat(e.dir.fd, e.base, mode|0o600, int(dev))
		})
		if !errors.Is(err, unix.EPERM) {
			return err == nil, err
		}
	}
	l.leftOut[place{e.dir.id, e.base}] = true
	return false, l.remove(e) // what it replaces is gone all the same
}
