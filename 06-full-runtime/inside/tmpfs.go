package inside

import (
	"fmt"
	"os"
	"strings"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/mount"
)

// newTmpfs makes a tmpfs as docker run does. If there was a directory in its place, it
// takes the mode and the owner of that, unless the options say something else.
func newTmpfs(dir string, existed bool, options []string) (*mount.Mount, error) {
	attr := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	own := []string{"mode=1777"}
	if existed {
		var err error
		if own, err = sameAs(dir); err != nil {
			return nil, err
		}
	}
	for _, option := range options {
		set, clear, ok := attribute(option)
		attr = attr&^clear | set
		if !ok {
			own = append(own, option) // the kernel knows it, or says that it does not
		}
	}
	return mount.New("files in memory", "tmpfs", attr, own...)
}

// attribute reports whether an option of mount(8) is the mount's and not the
// filesystem's, and which flags of fsmount(2) it sets and clears. Every mount is
// private to the container, and options for mount(8) itself have no effect.
func attribute(option string) (set, clear int, ok bool) {
	switch option {
	case "ro":
		return unix.MOUNT_ATTR_RDONLY, 0, true
	case "rw":
		return 0, unix.MOUNT_ATTR_RDONLY, true
	case "nosuid":
		return unix.MOUNT_ATTR_NOSUID, 0, true
	case "suid":
		return 0, unix.MOUNT_ATTR_NOSUID, true
	case "nodev":
		return unix.MOUNT_ATTR_NODEV, 0, true
	case "dev":
		return 0, unix.MOUNT_ATTR_NODEV, true
	case "noexec":
		return unix.MOUNT_ATTR_NOEXEC, 0, true
	case "exec":
		return 0, unix.MOUNT_ATTR_NOEXEC, true
	case "nosymfollow":
		return unix.MOUNT_ATTR_NOSYMFOLLOW, 0, true
	case "symfollow":
		return 0, unix.MOUNT_ATTR_NOSYMFOLLOW, true
	case "nodiratime":
		return unix.MOUNT_ATTR_NODIRATIME, 0, true
	case "diratime":
		return 0, unix.MOUNT_ATTR_NODIRATIME, true
	case "noatime":
		return unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR__ATIME, true
	case "strictatime":
		return unix.MOUNT_ATTR_STRICTATIME, unix.MOUNT_ATTR__ATIME, true
	case "relatime", "norelatime", "atime", "nostrictatime": // the kernel's default
		return 0, unix.MOUNT_ATTR__ATIME, true
	case "defaults", "auto", "noauto", "nouser", "nofail", "loud", "silent", "private", "rprivate", "slave", "rslave":
		return 0, 0, true
	}
	return 0, 0, strings.HasPrefix(option, "x-") // a comment
}

// sameAs spells a directory's mode and owner as options of a tmpfs.
func sameAs(dir string) ([]string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	own := []string{fmt.Sprintf("mode=%04o", st.Mode&0o7777)}
	if st.Uid != 0 && hasID(user.CurrentProcessUIDMap, int64(st.Uid)) {
		own = append(own, fmt.Sprintf("uid=%d", st.Uid))
	}
	if st.Gid != 0 && hasID(user.CurrentProcessGIDMap, int64(st.Gid)) {
		own = append(own, fmt.Sprintf("gid=%d", st.Gid))
	}
	return own, nil
}
