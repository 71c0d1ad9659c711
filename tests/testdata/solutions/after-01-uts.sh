#!/bin/sh
# Lesson 2 over unshare(1), which makes the new mount tree private by itself.
# setpriv(1) has the kernel kill it if this shell is killed.
setpriv --pdeathsig KILL unshare --uts --mount sh -c '
	hostname shadman-lab &&
	mount -t tmpfs tmpfs /mnt &&
	echo "hello from the container" >/mnt/hello &&
	exec "${@:-/bin/sh}"' sh "$@"
status=$?
if [ -e /mnt/hello ]; then
	echo "the host can see /mnt/hello" >&2
else
	echo "the host has no /mnt/hello" >&2
fi
exit $status
