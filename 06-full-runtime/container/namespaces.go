package container

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaces asks clone(2) for a child in namespaces of its own, which is the
// clone approach: unlike after unshare(2), the child is PID 1 from its birth, and
// the parent stays outside, where it can clean up.
func namespaces(c Config) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUTS | // hostname
			unix.CLONE_NEWNS | // mount tree
			unix.CLONE_NEWPID | // process numbers
			unix.CLONE_NEWIPC, // System V IPC and POSIX message queues
		// What /proc/self/cgroup and cgroup mounts show as "/". From clone(2) it would
		// be our own group; the child is in its own already when it calls unshare(2).
		Unshareflags: unix.CLONE_NEWCGROUP,
		// clone3(2) with CLONE_INTO_CGROUP: not a moment outside of its limits.
		UseCgroupFD: c.CgroupFD != 0,
		CgroupFD:    c.CgroupFD,
		// The container is not to outlive us, not even after kill -9.
		Pdeathsig: unix.SIGKILL,
		// In a session of its own, kill(0, …) in there does not reach our process
		// group, nor /dev/tty our terminal.
		Setsid: true,
	}
	if c.NoNetwork {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	c.Map.Attr(attr) // the user namespace, and with it rights over all others
	return attr
}

// adviseClone says what to do about a clone(2) that failed.
func adviseClone(c Config, err error) error {
	if c.Map.None() && errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w\nthis root lacks CAP_SYS_ADMIN, as in a container: try --userns", err)
	}
	return adviseUserNS(c, err)
}

// adviseUserNS adds to a failure the setting that forbids user namespaces on
// this machine, if there is one.
func adviseUserNS(c Config, err error) error {
	if c.Map.None() {
		return err
	}
	for _, setting := range []struct{ name, forbids, allow string }{
		{"kernel.unprivileged_userns_clone", "0", "1"},
		{"user.max_user_namespaces", "0", "10000"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
	} {
		value, readErr := os.ReadFile("/proc/sys/" + strings.ReplaceAll(setting.name, ".", "/"))
		if readErr == nil && strings.TrimSpace(string(value)) == setting.forbids {
			return fmt.Errorf("%w\nuser namespaces are forbidden here; allow them: sudo sysctl %s=%s", err, setting.name, setting.allow)
		}
	}
	return err
}
