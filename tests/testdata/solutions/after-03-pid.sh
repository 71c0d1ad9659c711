#!/bin/sh
# Lesson 4 with --rootfs over unshare(1) and chroot(1).
[ "$1" = --rootfs ] && root=$2 && shift 2
if ! [ -d "$root/proc" ]; then
	echo "${root:-nothing} is not a root filesystem" >&2
	exit 1
fi
export root
setpriv --pdeathsig KILL unshare --uts --mount --pid --fork --kill-child sh -c '
	hostname shadman-lab &&
	mount -t tmpfs tmpfs "$root/mnt" &&
	echo "hello from the container" >"$root/mnt/hello" &&
	mount -t proc -o nosuid,noexec,nodev proc "$root/proc" &&
	exec env -u root PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "${@:-/bin/sh}"' sh "$@"
status=$?
if [ -e "$root/mnt/hello" ]; then
	echo "the host can see $root/mnt/hello" >&2
else
	echo "the host has no $root/mnt/hello" >&2
fi
exit $status
