package container

import (
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
)

// namespaces asks clone(2) for a child in namespaces of its own, which is the
// clone approach: unlike after unshare(2), the child is PID 1 from its birth, and
// the parent stays outside, where it can clean up.
func namespaces(c config.Config, host Host) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUTS | // hostname
			unix.CLONE_NEWNS | // mount tree
			unix.CLONE_NEWPID | // process numbers
			unix.CLONE_NEWIPC, // System V IPC and POSIX message queues
		// What /proc/self/cgroup and cgroup mounts show as "/". From clone(2) it would
		// be our own group; the child is in its own already when it calls unshare(2).
		Unshareflags: unix.CLONE_NEWCGROUP,
		// clone3(2) with CLONE_INTO_CGROUP: not a moment outside of its limits.
		UseCgroupFD: host.CgroupFD != 0,
		CgroupFD:    host.CgroupFD,
		// The container is not to outlive us, not even after kill -9.
		Pdeathsig: unix.SIGKILL,
		// In a session of its own, kill(0, …) in there does not reach our process
		// group, nor /dev/tty our terminal.
		Setsid: true,
	}
	if c.NoNetwork {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	host.IDs.Attr(attr) // the user namespace, and with it rights over all others
	return attr
}
