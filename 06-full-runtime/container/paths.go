package container

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
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

// checkWorkDir refuses to work where our root does not lead to.
func checkWorkDir() error {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buffer)
	if err != nil {
		return fmt.Errorf("getcwd: %w", err)
	}
	if here := strings.TrimRight(string(buffer[:n]), "\x00"); !strings.HasPrefix(here, "/") {
		return fmt.Errorf("working directory: %s is outside of the container's root", here)
	}
	return nil
}
