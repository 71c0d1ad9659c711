package inside

import (
	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/mount"
)

// newProc is lesson 3: a /proc that shows the processes of our PID namespace.
// In a user namespace the kernel allows it only while another proc that hides
// nothing is in sight, the host's: a reason to make it before entering the root.
func newProc() (*proc, error) {
	m, err := mount.New("lesson 3: a /proc that shows the processes of our PID namespace", "proc", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_NODEV)
	return &proc{m}, err
}

type proc struct{ *mount.Mount }

func (p *proc) attach() error { return attachDir(p.Mount, "/proc") }
