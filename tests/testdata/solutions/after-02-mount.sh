#!/bin/sh
# Lesson 3 over unshare(1): with --fork it starts a child, which is PID 1, and with
# --kill-child the child dies with it.
setpriv --pdeathsig KILL unshare --uts --mount --pid --fork --kill-child sh -c '
	hostname shadman-lab &&
	mount -t tmpfs tmpfs /mnt &&
	echo "hello from the container" >/mnt/hello &&
	mount -t proc -o nosuid,noexec,nodev proc /proc &&
	exec "${@:-/bin/sh}"' sh "$@"
status=$?
if [ -e /mnt/hello ]; then
	echo "the host can see /mnt/hello" >&2
else
	echo "the host has no /mnt/hello" >&2
fi
exit $status
