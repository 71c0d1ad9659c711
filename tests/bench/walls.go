package main

import (
	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// walls are what keeps a container in, besides its root filesystem.
type walls struct {
	namespaces      []specs.LinuxNamespaceType
	capabilities    []string // that root keeps, like CAP_CHOWN
	seccomp         bool     // Docker's profile
	masked          []string // paths that read as empty
	readonly        []string
	noNewPrivileges bool
	mounts          []specs.Mount
}

// ourWalls are lesson 6's. The peers get the same from here, so a new wall of lesson 6
// must come in here as well. The benchmark compares this with what it finds inside
// lesson 6's container, and warns if they differ.
var ourWalls = walls{
	namespaces: []specs.LinuxNamespaceType{
		specs.MountNamespace, specs.UTSNamespace, specs.PIDNamespace, specs.IPCNamespace, specs.CgroupNamespace,
	},
	capabilities: []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
		"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	},
	seccomp: true,
	masked: []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/firmware", "/sys/devices/virtual/powercap",
	},
	readonly: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
	mounts: []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=64m"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", terminalGroup}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=64m"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
	},
}

// boundSys is /sys in a user namespace in the host's network: a new sysfs is refused.
var boundSys = specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "rro"}}

// terminalGroup is devpts's option that needs more than one group.
const terminalGroup = "gid=5"

// filter is the seccomp profile for the capabilities that a container has.
func (w walls) filter() (*specs.LinuxSeccomp, error) {
	if !w.seccomp {
		return nil, nil
	}
	set := &specs.LinuxCapabilities{Bounding: w.capabilities}
	return seccomp.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: set}})
}
