#!/bin/sh
# The smallest lesson 6: 05-oci-pull, which must be in the PATH, and unshare(1).
image=alpine:latest
case $1 in
--image=*) image=${1#--image=} && shift ;;
esac
[ "$(id -u)" = 0 ] || userns=--map-root-user
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
root=$(05-oci-pull --image="$image" --output="$dir/rootfs") || exit
export root
setpriv --pdeathsig KILL unshare $userns --uts --mount --pid --fork --kill-child sh -c '
	hostname shadman-lab &&
	mount -t proc -o nosuid,noexec,nodev proc "$root/proc" &&
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "${@:-/bin/sh}"' sh "$@"
