package container

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
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
	if c.UserNS {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = idMap(os.Geteuid())
		attr.GidMappings = idMap(os.Getegid())
		// Writing a gid map takes a privilege, or giving up setgroups(2), with
		// which a process could drop a group that denies it something.
		attr.GidMappingsEnableSetgroups = os.Geteuid() == 0 && mapsAllIDs()
	}
	return attr
}

// idMap maps the container's ids to the host's. Anybody may map one id, their
// own; it becomes root in there. Root may map all of them, each to itself: the
// container's root then owns what the host's does, without its capabilities.
func idMap(own int) []syscall.SysProcIDMap {
	if os.Geteuid() == 0 && mapsAllIDs() {
		// The kernel's own limit: 2^32-1 stands for "no id".
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1<<32 - 1}}
	}
	return []syscall.SysProcIDMap{{ContainerID: 0, HostID: own, Size: 1}}
}

// mapsAllIDs reports whether our own user namespace has every id, as the
// initial one does (user_namespaces(7)).
func mapsAllIDs() bool {
	ranges, err := user.CurrentProcessUIDMap()
	return err == nil && len(ranges) == 1 && ranges[0].Count == 1<<32-1
}

// explainClone says what to do about a clone(2) that failed.
func explainClone(userNS bool, err error) error {
	err = fmt.Errorf("clone the child: %w", err)
	if !userNS && errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w\nthis root lacks CAP_SYS_ADMIN, as in a container: try --userns", err)
	}
	return adviseUserNS(userNS, err)
}

// adviseUserNS adds to a failure the setting that forbids user namespaces on
// this machine, if there is one.
func adviseUserNS(userNS bool, err error) error {
	if !userNS {
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
