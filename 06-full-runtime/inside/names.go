package inside

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
)

// names are the files by which the container turns names into addresses, by their
// paths. They cover the image's.
//
// A bind mount of a file of the host would show the file's path on the host in the
// container's /proc/self/mountinfo. So the files are on a tmpfs of the container's own,
// which goes with it.
type names map[string][]byte

// readNames reads the host's files, and adds the container's own name.
func readNames(hostname string) (names, error) {
	hosts, err := hostFile("/etc/hosts")
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		hosts = []byte("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	}
	if !bytes.HasSuffix(hosts, []byte("\n")) {
		hosts = append(hosts, '\n')
	}
	resolv, err := hostFile("/etc/resolv.conf")
	return names{
		"/etc/hosts":       fmt.Appendf(hosts, "127.0.1.1\t%s\n", hostname),
		"/etc/hostname":    []byte(hostname + "\n"),
		"/etc/resolv.conf": resolv,
	}, err
}

// hostFile reads a file of the host, which may lack it.
func hostFile(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return content, err
}

// volumes are the names' mounts, which are not made yet. The container may change the
// files, unless its root is read-only.
func (n names) volumes(readOnly bool) (mounts []config.Mount) {
	for _, target := range slices.Sorted(maps.Keys(n)) {
		mounts = append(mounts, config.Mount{Target: target, ReadOnly: readOnly})
	}
	return mounts
}

// make makes the files, and mounts of them for volumes. Before Linux 6.15 a part of a
// mount can be mounted elsewhere only while the mount has a place (open_tree(2)). The
// tmpfs gets the place of the container's root, which is not mounted yet.
func (n names) make(volumes []attacher) error {
	tmpfs, err := mount.New("files of the container's own, for /etc", "tmpfs", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, "mode=755", "size=64m")
	if err != nil {
		return err
	}
	if err := tmpfs.Attach("root"); err != nil {
		return err
	}
	for _, a := range volumes {
		v, ok := a.(*volume)
		if !ok || v.made != nil || v.Tmpfs || v.Own {
			continue
		}
		path := filepath.Join("root", filepath.Base(v.Target))
		if err := os.WriteFile(path, n[v.Target], 0o644); err != nil {
			return err
		}
		if v.made, err = mount.Bind("for "+v.Target, path); err != nil {
			return err
		}
	}
	if err := unix.Unmount("root", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount2 root: %w", err)
	}
	return nil
}
