package tests

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/container-go/tests/harness"
)

// startCalls are the system calls of a start that an outer sandbox may refuse, by the
// names that errors have. Those without which no Go program runs, such as mmap, clone and
// epoll_create1, are not among them.
var startCalls = []struct {
	name   string
	number int
}{
	{"unshare", unix.SYS_UNSHARE}, {"mount", unix.SYS_MOUNT}, {"umount2", unix.SYS_UMOUNT2},
	{"pivot_root", unix.SYS_PIVOT_ROOT}, {"fsopen", unix.SYS_FSOPEN}, {"fsconfig", unix.SYS_FSCONFIG}, {"fsmount", unix.SYS_FSMOUNT},
	{"open_tree", unix.SYS_OPEN_TREE}, {"move_mount", unix.SYS_MOVE_MOUNT}, {"mount_setattr", unix.SYS_MOUNT_SETATTR},
	{"openat2", unix.SYS_OPENAT2}, {"statx", unix.SYS_STATX}, {"fstatfs", unix.SYS_FSTATFS},
	{"close_range", unix.SYS_CLOSE_RANGE}, {"keyctl", unix.SYS_KEYCTL}, {"sethostname", unix.SYS_SETHOSTNAME},
	{"setresuid", unix.SYS_SETRESUID}, {"setresgid", unix.SYS_SETRESGID}, {"setuid", unix.SYS_SETUID}, {"setgid", unix.SYS_SETGID}, {"setgroups", unix.SYS_SETGROUPS},
	{"prctl", unix.SYS_PRCTL}, {"capget", unix.SYS_CAPGET}, {"capset", unix.SYS_CAPSET}, {"seccomp", unix.SYS_SECCOMP},
	{"memfd_create", unix.SYS_MEMFD_CREATE}, {"mknod", unix.SYS_MKNODAT}, {"chmod", unix.SYS_FCHMODAT},
	{"chown", unix.SYS_FCHOWNAT}, {"flock", unix.SYS_FLOCK}, {"socketpair", unix.SYS_SOCKETPAIR}, {"sendmsg", unix.SYS_SENDMSG},
	{"pidfd_open", unix.SYS_PIDFD_OPEN}, {"ioctl", unix.SYS_IOCTL}, {"getcwd", unix.SYS_GETCWD},
	{"utimensat", unix.SYS_UTIMENSAT},
	{"pipe2", unix.SYS_PIPE2}, {"chdir", unix.SYS_CHDIR},
	{"wait4", unix.SYS_WAIT4}, {"setsid", unix.SYS_SETSID},
	{"mkdir", unix.SYS_MKDIRAT}, {"symlink", unix.SYS_SYMLINKAT},
}

// Under an outer sandbox that refuses a call, the container runs, or an error of a line
// or two names the call. Nothing hangs, and nothing is left behind.
func TestRefusedCalls(t *testing.T) {
	refuse := harness.Build(t, "tests/refuse", "CGO_ENABLED=0")
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		c.Run("true").Want(0) // the image is in the store
		for _, call := range startCalls {
			for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS} {
				cmd := with(c, []string{"-u", "0"}, "echo", "runs")
				cmd.Under = []string{refuse, fmt.Sprint(int(errno)), fmt.Sprint(call.number)}
				r := cmd.Run()
				if r.Stdout == "runs\n" && r.Status == 0 {
					continue
				}
				// One line, and perhaps one about what cannot be cleared up without the call.
				said := ""
				lines := 0
				for line := range strings.Lines(r.Stderr) {
					if !strings.Contains(line, "not root:") && !strings.Contains(line, "clone approach") {
						said += line
						lines++
					}
				}
				if r.Status != 125 || lines == 0 || lines > 3 || !strings.Contains(said, call.name) {
					t.Errorf("where %s is refused with %v, the command should run, or one error should name the call\n%s", call.name, errno, r)
				}
			}
		}
	}, harness.Root, harness.User)
}
