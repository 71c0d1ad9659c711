package inside

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
)

// volume is a Mount that is not attached yet.
type volume struct {
	config.Mount
	made *mount.Mount // of a file or directory of the host, or of names
	file bool         // what is mounted is not a directory
}

// newVolumes makes the mounts of what is the host's, as long as that is in sight, and
// sorts them so that none is put over another below it. Of several with one
// target the last is meant.
func newVolumes(mounts []config.Mount) ([]attacher, error) {
	var volumes []attacher
	depth := func(m config.Mount) int { return strings.Count(path.Clean(m.Target), "/") }
	mounts = slices.SortedStableFunc(slices.Values(mounts), func(a, b config.Mount) int { return depth(a) - depth(b) })
	for i, m := range mounts {
		if slices.ContainsFunc(mounts[i+1:], func(later config.Mount) bool { return path.Clean(later.Target) == path.Clean(m.Target) }) {
			continue
		}
		v := &volume{Mount: m, file: m.Source == "" && !m.Tmpfs}
		if m.Source != "" {
			info, err := os.Stat(m.Source)
			if err == nil {
				v.file = !info.IsDir()
				v.made, err = mount.Bind("for "+m.Target+", while the host is in sight", m.Source)
			}
			// A volume holds files, and no way to the machine's devices, unless the
			// user names those.
			if err == nil && path.Clean(m.Target) != "/dev" {
				err = v.made.Set(unix.MOUNT_ATTR_NODEV)
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
func newTmpfs(options []string) (*mount.Mount, error) {
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
	return mount.New("files in memory", "tmpfs", attr, own...)
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
	if err := v.made.Attach(target); err != nil {
		return err
	}
	if v.ReadOnly {
		return mount.SetReadOnly("as :ro says", target, !v.file)
	}
	return nil
}
