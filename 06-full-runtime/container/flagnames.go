package container

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// flagNames spells out what clone(2) is asked for, and unshare(2) after it.
func flagNames(attr *syscall.SysProcAttr) string {
	var names []string
	for _, f := range []struct {
		flag uintptr
		name string
	}{
		{unix.CLONE_NEWUSER, "CLONE_NEWUSER"},
		{unix.CLONE_NEWUTS, "CLONE_NEWUTS"},
		{unix.CLONE_NEWNS, "CLONE_NEWNS"},
		{unix.CLONE_NEWPID, "CLONE_NEWPID"},
		{unix.CLONE_NEWIPC, "CLONE_NEWIPC"},
		{unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
		{unix.CLONE_NEWNET, "CLONE_NEWNET"},
	} {
		if (attr.Cloneflags|attr.Unshareflags)&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	if attr.UseCgroupFD {
		names = append(names, "CLONE_INTO_CGROUP")
	}
	return strings.Join(names, "|")
}
