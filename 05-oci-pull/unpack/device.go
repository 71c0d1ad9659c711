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
	mode := uint32(unix.S_IFCHR)
	if hdr.Typeflag == tar.TypeBlock {
		mode = unix.S_IFBLK
	}
	dev := unix.Mkdev(uint32(hdr.Devmajor), uint32(hdr.Devminor))
	// To overlayfs, in which lesson 6 keeps layers, 0/0 is a whiteout.
	whiteout := mode == unix.S_IFCHR && dev == 0
	if l.options.Owners && !whiteout {
		err := l.replace(e, "mknodat", func() error {
			return unix.Mknodat(e.dir.fd, e.base, mode|0o600, int(dev))
		})
		if !errors.Is(err, unix.EPERM) {
			return err == nil, err
		}
	}
	return false, l.leaveOut(e)
}
