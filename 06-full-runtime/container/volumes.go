package container

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is something to be mounted in the container: a file or a directory of
// the host, or a tmpfs.
type Mount struct {
	Source   string // absolute path on the host
	Target   string // absolute path in the container, made if it does not exist
	ReadOnly bool
	Tmpfs    bool     // instead of Source
	Options  []string // of the tmpfs, as for mount(8)
}

// volume is a Mount that is not attached yet.
type volume struct {
	Mount
	made *mount // of a file or directory of the host
	file bool   // what is mounted is not a directory
}

// newVolumes makes the mounts of what is the host's, as long as that is in sight, and
// sorts them so that none is put over another below it. Of several with one
// target the last is meant.
func newVolumes(mounts []Mount) ([]attacher, error) {
	var volumes []attacher
	depth := func(m Mount) int { return strings.Count(path.Clean(m.Target), "/") }
	mounts = slices.SortedStableFunc(slices.Values(mounts), func(a, b Mount) int { return depth(a) - depth(b) })
	for i, m := range mounts {
		if slices.ContainsFunc(mounts[i+1:], func(later Mount) bool { return path.Clean(later.Target) == path.Clean(m.Target) }) {
			continue
		}
		v := &volume{Mount: m}
		if !m.Tmpfs {
			info, err := os.Stat(m.Source)
			if err == nil {
				v.file = !info.IsDir()
				v.made, err = newBind("for "+m.Target+", while the host is in sight", m.Source)
			}
			if err != nil {
				return nil, fmt.Errorf("volume on %s: %w", m.Target, err)
			}
		}
		volumes = append(volumes, v)
	}
	return volumes, nil
}

// newTmpfs makes a tmpfs as docker run does. The options that are the mount's
// and not the filesystem's are flags of fsmount(2).
func newTmpfs(options []string) (*mount, error) {
	attr := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	own := []string{"mode=1777"}
	for _, option := range options {
		switch option {
		case "exec":
			attr &^= unix.MOUNT_ATTR_NOEXEC
		case "suid":
			attr &^= unix.MOUNT_ATTR_NOSUID
		case "dev":
			attr &^= unix.MOUNT_ATTR_NODEV
		case "noatime":
			attr |= unix.MOUNT_ATTR_NOATIME
		case "ro":
			attr |= unix.MOUNT_ATTR_RDONLY
		case "rw", "noexec", "nosuid", "nodev":
		default:
			own = append(own, option)
		}
	}
	return newMount("files in memory", "tmpfs", attr, own...)
}

// attach puts the volume in its place, wherever symlinks of the image lead.
func (v *volume) attach() error {
	target, err := makeTarget(v.Target, v.file)
	if err == nil && v.Tmpfs {
		v.made, err = newTmpfs(v.Options)
	}
	if err != nil {
		return fmt.Errorf("volume on %s: %w", v.Target, err)
	}
	if err := v.made.move(target); err != nil {
		return err
	}
	if v.ReadOnly {
		return setReadOnly("as :ro says", target, !v.file)
	}
	return nil
}

// makeTarget makes the file or directory to mount on, if it does not exist, and
// what the name leads to if it is a symlink to nothing.
func makeTarget(target string, file bool) (string, error) {
	for range 40 { // as many symlinks as the kernel follows
		if err := checkPath(path.Dir(target)); err != nil {
			return "", err
		}
		link, err := os.Readlink(target)
		if err != nil {
			break
		}
		if !path.IsAbs(link) {
			link = path.Dir(target) + "/" + link // not cleaned, as in checkPath
		}
		target = link
	}
	if err := checkPath(target); err != nil {
		return "", err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() == file {
		return "", fmt.Errorf("a file can be mounted on a file only, and a directory on a directory")
	}
	if !file {
		return target, os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(path.Dir(target), 0o755); err != nil {
		return "", err
	}
	created, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return target, nil
	}
	if err != nil {
		return "", err
	}
	return target, created.Close()
}
