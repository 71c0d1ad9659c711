package advice

import "syscall"

// hints are tried in order.
var hints = []hint{
	{step: "clone", look: forbiddenUserNS},
	{step: "clone", errno: syscall.EPERM, look: lacksAdmin},
	{step: "write id map", look: forbiddenUserNS},
	{step: "newuidmap", look: forbiddenUserNS},
	// With AppArmor's restriction the namespace can be made, and has no rights.
	{step: "mount", errno: syscall.EPERM, look: forbiddenUserNS},
	{step: "mount", errno: syscall.EACCES, look: forbiddenUserNS},
	{step: "open_tree", errno: syscall.EPERM, look: forbiddenUserNS},
	{step: "fsmount", errno: syscall.EPERM, look: forbiddenUserNS},

	{step: "memfd_create", errno: syscall.EACCES,
		words: "programs in memory are forbidden here; allow them: sudo sysctl vm.memfd_noexec=1"},
	{step: "keyctl", errno: syscall.EDQUOT,
		words: "this user has too many keys; allow more: sudo sysctl kernel.keys.maxkeys=1000"},
	{step: "mount overlay", errno: syscall.ENODEV,
		words: "the kernel has no overlayfs, or has not loaded it: sudo modprobe overlay"},
	{step: "mount overlay", errno: syscall.EINVAL,
		words: "if the store is on an overlay over an overlay, the kernel stacks no more: choose another place with --store DIR"},
	{step: "seccomp", errno: syscall.EINVAL, words: noFilters},
	{step: "seccomp", errno: syscall.ENOSYS, words: noFilters},
	{step: "pivot_root", errno: syscall.EINVAL,
		words: "it does not work from an initramfs: switch_root to another filesystem first"},
	{step: "mount_setattr", errno: syscall.ENOSYS,
		words: "lesson 6 needs Linux 5.12"},
	{step: "find an id", look: lackingID},
	{step: "fchown", errno: syscall.EINVAL, words: noSuchID},
	{step: "setgroups", errno: syscall.EINVAL, words: noSuchID},
	{step: "setgid", errno: syscall.EINVAL, words: noSuchID},
	{step: "setuid", errno: syscall.EINVAL, words: noSuchID},
	{step: "find the command", look: imageInstead},
	{step: "exec", errno: syscall.EPERM,
		words: "its file has capabilities that the container lacks: name them with --cap-add, as in --cap-add=NET_RAW for ping"},
	{step: "exec", errno: syscall.ENOEXEC,
		words: "it is neither a program for this machine nor a script that names its interpreter"},

	{step: "open a raw socket", look: rawSocket},
	{step: "make a device", look: device},
	{step: "listen on a low port",
		words: "if it may not have its port: use one from 1024, or allow low ones: sudo sysctl net.ipv4.ip_unprivileged_port_start=80"},

	{step: "find cgroups", words: "limits need them: sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup"},
	{step: "find cgroup2", words: "limits need cgroup v2 alone: boot with systemd.unified_cgroup_hierarchy=1"},
	{step: "find cgroup controller", words: "the kernel lacks it, or was booted with it disabled: see cgroup_disable= in /proc/cmdline"},
	{step: "find delegated controller",
		words: "as root, `systemctl edit user@.service`, there under [Service] Delegate=cpu memory pids; then log in again"},
	{step: "find delegated cgroup", errno: syscall.EROFS,
		words: "cgroups are read-only here, as in a container: start this outside of it"},
	{step: "find delegated cgroup",
		words: "limits need one: systemd-run --user --scope -p Delegate=yes COMMAND, or be root"},
	{step: "find cgroup below our own",
		words: "our own cgroup has processes in it: start this from a group below it (systemd: DelegateSubgroup=)"},
	{step: "enable controllers", errno: syscall.EBUSY,
		words: "that cgroup has processes in it, as in a container: move them to a group below it"},

	{step: "find the command to run", words: "name a command after the flags"},
	{step: "find a place for images", words: "choose a place for images with --store DIR"},
	{step: "make the store", words: "choose another place for images with --store DIR"},
	{step: "parse a volume", words: "there are no named volumes: SRC is a path, like ./data"},
	{step: "parse the command line", words: "see --help"},
}

const noFilters = "the kernel has no seccomp filters; to run without that wall: --security-opt seccomp=unconfined"

const noSuchID = "this user namespace has no such id: it needs subordinate ids (/etc/subuid, newuidmap), or root"
