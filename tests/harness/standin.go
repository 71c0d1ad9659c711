package harness

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const standInEnv = "CONTAINER_GO_STAND_IN"

// standInError is why root's programs cannot be tested here.
var standInError error

// enterStandIn puts root's tests on a host that stands in for the real one: a
// hostname and a mount tree that may be ruined. A program that forgets a
// namespace is what these tests are for, and it must not rename the machine or
// mount over its /proc. Nothing an ordinary user runs could.
//
// Its mount tree is private, as on a machine without systemd, so that the real
// host's mounts do not come and go in it. SharedTree makes the other kind.
func enterStandIn() error {
	if os.Geteuid() != 0 {
		return nil
	}
	if os.Getenv(standInEnv) != "" {
		return os.Unsetenv(standInEnv)
	}
	// A thread that leaves the namespaces of the others takes the whole process
	// along when it calls exec.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if standInError = unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS); standInError != nil {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mount tree private: %w", err)
	}
	err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), standInEnv+"=1"))
	return fmt.Errorf("exec the tests on a stand-in host: %w", err)
}
