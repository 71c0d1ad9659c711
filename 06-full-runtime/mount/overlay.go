package mount

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ByFD is a path to what a descriptor has open, even where no other path leads there.
func ByFD(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// OverlayOptions spells the options of an overlay of open directories, lower ones
// lowest first. mount(2) takes no more than a page of options, and by their
// descriptors the 127 layers that an image may have fit into it.
func OverlayOptions(lower []int, upper, work int, more string) (string, error) {
	var names []string
	for _, fd := range slices.Backward(lower) {
		names = append(names, ByFD(fd))
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,%s", strings.Join(names, ":"), ByFD(upper), ByFD(work), more)
	if len(options) >= os.Getpagesize() {
		return "", fmt.Errorf("mount overlay: %d layers are too many", len(lower))
	}
	return options, nil
}

// SameAttributes gives an overlay's upper directory the attributes of the directory
// below it. The kernel shows the root of an overlay with those of the upper one.
func SameAttributes(from, to int) error {
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return fmt.Errorf("fstat the image's root: %w", err)
	}
	if err := unix.Chown(ByFD(to), int(st.Uid), int(st.Gid)); err != nil {
		return fmt.Errorf("chown the root directory to %d:%d: %w", st.Uid, st.Gid, err)
	}
	if err := copyXattrs(ByFD(from), ByFD(to)); err != nil {
		return err
	}
	if err := unix.Chmod(ByFD(to), st.Mode&0o7777); err != nil {
		return fmt.Errorf("chmod the root directory to %o: %w", st.Mode&0o7777, err)
	}
	err := unix.UtimesNanoAt(unix.AT_FDCWD, ByFD(to), []unix.Timespec{st.Atim, st.Mtim}, 0)
	if err != nil {
		return fmt.Errorf("utimensat the root directory: %w", err)
	}
	return nil
}

// copyXattrs copies those attributes that may be an image's: overlayfs and the
// security modules set their own.
func copyXattrs(from, to string) error {
	var list [64 << 10]byte // XATTR_LIST_MAX
	n, err := unix.Listxattr(from, list[:])
	if err != nil { // the filesystem has none
		return nil
	}
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		name := string(name)
		if _, rest, _ := strings.Cut(name, "."); name == "" || strings.HasPrefix(name, "security.") || strings.HasPrefix(rest, "overlay.") {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Getxattr(from, name, value)
		if err == nil {
			err = unix.Setxattr(to, name, value[:n], 0)
		}
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("setxattr %s of the root directory: %w", name, err)
		}
	}
	return nil
}
