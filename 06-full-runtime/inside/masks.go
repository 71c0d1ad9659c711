package inside

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount"
)

// /proc shows the machine, not the container: its memory (kcore), its interrupts, the
// keys of its users, and switches that act on all of it (sys, sysrq-trigger). In /sys
// there are the firmware's tables, and a meter of power by which one process can tell
// another's keys (powercap, CVE-2020-8694). These are the paths that Docker covers or
// makes read-only.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/firmware", "/sys/devices/virtual/powercap",
	}
	readOnlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// maskPaths is the wall around what /proc and /sys show of the machine. A path that
// this kernel lacks needs no mask.
func (p *pid1) maskPaths() error {
	if p.Unmasked {
		return nil
	}
	for _, list := range []struct {
		why   string
		paths []string
		cover func(fd int, path string) error
	}{
		{"what shows the machine is covered", maskedPaths, mask},
		{"what acts on the machine is read-only", readOnlyPaths, makeReadOnly},
	} {
		var covered []string
		for _, path := range list.paths {
			fd, err := openKernels(path)
			if errors.Is(err, unix.ENOENT) {
				continue
			}
			if err == nil {
				err = list.cover(fd, path)
				unix.Close(fd)
			}
			if err != nil {
				return err
			}
			covered = append(covered, path)
		}
		_ = explain.Step(nil, list.why, "move_mount", "%s", strings.Join(covered, " "))
	}
	return nil
}

// openKernels opens a path below /proc or /sys, and makes sure that the path is the
// kernel's. The image or another container must not be able to lead a mount elsewhere
// (CVE-2025-52565, CVE-2025-52881).
func openKernels(path string) (fd int, err error) {
	fd, err = openWithoutLinks(path)
	if err != nil {
		return -1, err
	}
	var fs unix.Statfs_t
	if err = unix.Fstatfs(fd, &fs); err == nil && !slices.Contains([]int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC}, int64(fs.Type)) {
		err = errors.New("not of the kernel's own filesystems")
	}
	if err != nil {
		unix.Close(fd)
		return -1, &explain.Error{Call: "fstatfs", Args: path, Err: err}
	}
	return fd, nil
}

func openWithoutLinks(path string) (fd int, err error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd, err = unix.Openat2(unix.AT_FDCWD, path, how)
	if err != nil {
		return -1, &explain.Error{Call: "openat2", Args: path, Err: err}
	}
	return fd, nil
}

// mask covers a file with the null device, and a directory with an empty one.
func mask(fd int, path string) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("fstat %s: %w", path, err)
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		empty, err := mount.Make("tmpfs", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
		if err != nil {
			return err
		}
		return empty.Cover(fd, path)
	}
	null, err := mount.Clone(unix.AT_FDCWD, "/dev/null")
	if err != nil {
		return err
	}
	if err := null.IsDevice(1, 3); err != nil { // else a mask could be a file that can be written to (CVE-2025-31133)
		return err
	}
	return null.Cover(fd, path)
}

// makeReadOnly covers a path with a read-only mount of itself.
func makeReadOnly(fd int, path string) error {
	self, err := mount.Clone(fd, "")
	if err != nil {
		return err
	}
	if err := self.Set(unix.MOUNT_ATTR_RDONLY); err != nil {
		return err
	}
	return self.Cover(fd, path)
}
