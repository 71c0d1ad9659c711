package userns

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// BecomeRoot makes this process, the first of a user namespace that has ids by
// now, root in there, if it is not yet.
func BecomeRoot() error {
	if hasGroups() {
		if err := explain.Step(syscall.Setgroups([]int{}), "none of the host's groups", "setgroups", "[]"); err != nil {
			return err
		}
	}
	if err := explain.Step(syscall.Setresgid(0, 0, 0), "the first group of the user namespace", "setresgid", "0 0 0"); err != nil {
		return err
	}
	if err := explain.Step(syscall.Setresuid(0, 0, 0), "root of the user namespace, and of nothing else", "setresuid", "0 0 0"); err != nil {
		return err
	}
	// That has changed our credentials, and with it made /proc/self root's (proc(5));
	// our files in there are to be our own.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_DUMPABLE: %w", err)
	}
	return nil
}
