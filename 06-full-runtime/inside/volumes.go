package inside

import (
	"errors"
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
func newVolumes(mounts []config.Mount, slaves map[string]*mount.Mount) ([]attacher, error) {
	var volumes []attacher
	depth := func(m config.Mount) int { return strings.Count(path.Clean(m.Target), "/") }
	mounts = slices.SortedStableFunc(slices.Values(mounts), func(a, b config.Mount) int { return depth(a) - depth(b) })
	for i, m := range mounts {
		if slices.ContainsFunc(mounts[i+1:], func(later config.Mount) bool { return path.Clean(later.Target) == path.Clean(m.Target) }) {
			continue
		}
		v := &volume{Mount: m, file: m.Source == "" && !m.Tmpfs && !m.Own}
		if m.Source != "" {
			err := v.hold(slaves[m.Target])
			if err != nil {
				return nil, fmt.Errorf("volume on %s: %w", m.Target, err)
			}
		}
		volumes = append(volumes, v)
	}
	return volumes, nil
}

// hold makes the volume's mount, unless it is made.
func (v *volume) hold(made *mount.Mount) (err error) {
	if v.file, err = isFile(v.Source); err != nil {
		return err
	}
	if v.made = made; made == nil {
		if v.made, err = bind(v.Mount); err != nil {
			return err
		}
	}
	// A volume holds files, and no way to the machine's devices, unless the
	// user names those.
	if path.Clean(v.Target) != "/dev" && !isDevice(v.Source) {
		return v.made.Set(unix.MOUNT_ATTR_NODEV)
	}
	return nil
}

// isDevice reports whether a path is one of the devices that every container has, like
// /dev/null, with which people hide a file.
func isDevice(path string) bool {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	for _, d := range devices {
		if st.Rdev == unix.Mkdev(d.major, d.minor) {
			return true
		}
	}
	return false
}

func bind(m config.Mount) (*mount.Mount, error) {
	return mount.Bind("for "+m.Target+", while the host is in sight", m.Source)
}

// isFile reports whether a path exists and is not a directory. It does not call
// stat(2): root may mount a user's FUSE filesystem elsewhere, but not look into it
// (mount.fuse(8), allow_other).
func isFile(path string) (bool, error) {
	fd, err := openPath(path)
	if errors.Is(err, unix.ENOTDIR) {
		fd, err = unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return false, fmt.Errorf("open %s: %w", path, err)
		}
		return true, unix.Close(fd)
	}
	if err != nil {
		return false, err
	}
	return false, unix.Close(fd)
}

// holdSlaves makes the mounts of volumes with the option slave. A copy of a mount
// follows the original only if the original is a slave itself, or shared
// (mount_namespaces(7)). So it must be made before our mount tree is private.
func (p *pid1) holdSlaves() (err error) {
	for _, m := range p.Mounts {
		if !m.Slave {
			continue
		}
		if p.slaves == nil {
			p.slaves = map[string]*mount.Mount{}
			if err := mount.MakeSlave("what the host mounts appears in here, and not the other way round"); err != nil {
				return err
			}
		}
		if p.slaves[m.Target], err = bind(m); err != nil {
			return fmt.Errorf("volume on %s: %w", m.Target, err)
		}
	}
	return nil
}

// attach puts the volume in its place, wherever symlinks of the image lead.
func (v *volume) attach() error {
	_, missing := os.Stat(v.Target)
	target, err := makeTarget(v.Target, v.file)
	if err == nil && v.Tmpfs {
		v.made, err = newTmpfs(target, missing == nil, v.Options)
	}
	if err == nil && v.Own {
		v.made, err = mount.Bind("the image says that it holds data: writable in a read-only root, too", target)
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
