package inside

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/mount"
)

// checkPath refuses a path of the image, of which the end need not exist, that runs
// through a magic link. These are the links of /proc, and lead to whatever a process
// has open, wherever that is; all others stay below our root (CVE-2024-21626).
func checkPath(name string) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	// The name is not cleaned: what ".." leads to is the kernel's to say.
	for existing := "/" + name; ; existing, _ = path.Split(strings.TrimRight(existing, "/")) {
		fd, err := unix.Openat2(unix.AT_FDCWD, existing, &how)
		switch {
		case err == nil:
			return unix.Close(fd)
		case errors.Is(err, unix.ELOOP):
			return fmt.Errorf("openat2 %s: %w: it leads through a link in /proc, or in a circle", name, err)
		case strings.Trim(existing, "/") == "":
			return fmt.Errorf("openat2 %s: %w", name, err)
		}
	}
}

// attachDir puts a mount at a directory, which is made if it does not exist.
func attachDir(m *mount.Mount, dir string) error {
	err := checkPath(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("mount %s: %w", m, err)
	}
	return m.Attach(dir)
}

// attachFile puts the mount of a file at a new, empty file.
func attachFile(m *mount.Mount, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("mount %s: %w", m, err)
	}
	file.Close()
	return m.Attach(path)
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
