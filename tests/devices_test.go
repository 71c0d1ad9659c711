package tests

import (
	"testing"

	"example.com/container-go/tests/harness"
)

// Programs expect some devices, whoever started the container.
func TestRuntimeDevices(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := c.Run("sh", "-c", `
			test() { [ "$2" = "$3" ] || echo "$1: $2, not $3"; }
			for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo "/dev/$d is no device"; done
			echo lost >/dev/null || echo "cannot write to /dev/null"
			test "read /dev/null" "$(cat /dev/null)" ""
			test "read /dev/zero" "$(head -c 7 /dev/zero | wc -c)" 7
			test "read /dev/urandom" "$(head -c 7 /dev/urandom | wc -c)" 7
			(echo no >/dev/full) 2>/dev/null && echo "/dev/full takes something"
			test "/dev/pts" "$(ls /dev/pts)" ptmx
			[ -c /dev/pts/ptmx ] || echo "no /dev/pts/ptmx"
			echo yes >/dev/shm/file || echo "cannot write to /dev/shm"
			[ -k /dev/shm ] || echo "/dev/shm is not sticky"
			test "ls -ld /dev/shm" "$(ls -ld /dev/shm | head -c 10)" drwxrwxrwt
			test "/dev/fd" "$(readlink /dev/fd)" /proc/self/fd
			test "/dev/stdin" "$(readlink /dev/stdin)" /proc/self/fd/0
			test "/dev/stdout" "$(readlink /dev/stdout)" /proc/self/fd/1
			test "/dev/stderr" "$(readlink /dev/stderr)" /proc/self/fd/2
			test "/dev/ptmx" "$(readlink /dev/ptmx)" pts/ptmx
			test "through a pipe" "$(echo piped | cat /dev/stdin)" piped
			[ -d /dev/mqueue ] || echo "no /dev/mqueue"
			for d in /dev/*; do case $d in
				/dev/null|/dev/zero|/dev/full|/dev/random|/dev/urandom|/dev/tty|/dev/pts|/dev/ptmx) ;;
				/dev/shm|/dev/mqueue|/dev/fd|/dev/stdin|/dev/stdout|/dev/stderr|/dev/console|/dev/core) ;;
				*) echo "$d is there, and should not be";;
			esac; done
		`).Want(0)
		if r.Stdout != "" {
			t.Errorf("the container's /dev is not what programs expect:\n%s", r.Stdout)
		}
	})
}
