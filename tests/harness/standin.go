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
		accountError = addAccount()
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

// accountError is why the stand-in host has no account with subordinate ids.
var accountError error

// addAccount gives the stand-in host an account with subordinate ids: newuidmap(1)
// asks for both.
func addAccount() error {
	for file, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("subids:x:%d:%d::/:/bin/false\n", subIDsUser, subIDsUser),
		"/etc/subuid": fmt.Sprintf("subids:%d:%d\n", firstSubID, subIDs),
		"/etc/subgid": fmt.Sprintf("subids:%d:%d\n", firstSubID, subIDs),
	} {
		if err := appendTo(file, line); err != nil {
			return err
		}
	}
	return nil
}

// The subordinate ids are far from those that an account of the machine may have.
const (
	firstSubID = 700_000_000
	subIDs     = 65536
)

// appendTo mounts a file with one line more over one of the machine.
func appendTo(path, line string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	longer, err := os.CreateTemp("", "")
	if err != nil {
		return err
	}
	defer os.Remove(longer.Name())
	_, err = longer.Write(append(content, line...))
	if closeErr := longer.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(longer.Name(), 0o644)
	}
	if err == nil {
		err = unix.Mount(longer.Name(), path, "", unix.MS_BIND, "")
	}
	return err
}
