package container

import (
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// namespaceFlags are the names that clone(2) has for namespaces.
var namespaceFlags = []struct {
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
}

// flagNames spells out what clone(2) is asked for, and unshare(2) after it.
func flagNames(attr *syscall.SysProcAttr) string {
	var names []string
	for _, f := range namespaceFlags {
		if (attr.Cloneflags|attr.Unshareflags)&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	if attr.UseCgroupFD {
		names = append(names, "CLONE_INTO_CGROUP")
	}
	return strings.Join(names, "|")
}

// kinds are the namespaces of a process, as /proc/PID/ns has them.
var kinds = []string{"user", "mnt", "uts", "pid", "ipc", "cgroup", "net"}

// namespaceInodes is what tells a process's namespaces from others: the inode
// behind each link in /proc/self/ns (namespaces(7)).
func namespaceInodes() map[string]string {
	inodes := map[string]string{}
	for _, kind := range kinds {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err == nil {
			inodes[kind] = strings.TrimSuffix(strings.TrimPrefix(link, kind+":["), "]")
		}
	}
	return inodes
}

// explainNamespaces prints which namespaces are the container's own, given the
// inodes of the host's.
func explainNamespaces(host map[string]string) {
	if !explain.On() {
		return
	}
	own := namespaceInodes()
	explain.Line("%-9s  %12s  %12s", "namespace", "host's inode", "container's")
	for _, kind := range kinds {
		state := "isolated"
		if own[kind] == host[kind] {
			state = "shared"
		}
		explain.Line("%-9s  %12s  %12s  %s", kind, host[kind], own[kind], state)
	}
}
