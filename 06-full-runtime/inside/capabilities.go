package inside

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// dropCapabilities is the wall against root in the container. With all of root's
// capabilities it could mount, undo a read-only mount, load kernel modules or open the
// machine's disks. The bounding set is what any program can have after execve(2),
// whoever starts the program and whatever its file says (capabilities(7)). We keep our
// own capabilities until then, since the steps that follow need them.
func (p *pid1) dropCapabilities() error {
	var dropped, left uint64
	for c := range uintptr(64) {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) { // the kernel knows no more
			break
		}
		if err == nil && has == 1 && p.Capabilities&(1<<c) == 0 {
			err = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
			dropped |= 1 << c
			has, _ = unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		}
		if err != nil {
			return &explain.Error{Call: "prctl", Args: fmt.Sprintf("PR_CAPBSET_DROP %d", c), Err: err}
		}
		left |= uint64(has) << c
	}
	err := error(nil)
	if left&^p.Capabilities != 0 {
		err = fmt.Errorf("these are left: %#x", left&^p.Capabilities)
	}
	return explain.Step(err, "no program in here can have more capabilities than the rest", "prctl", "PR_CAPBSET_DROP %#x", dropped)
}

// keepCapabilities gives up all that execve(2) will not give the command, but for
// CAP_SYS_ADMIN, which filterCalls needs. root keeps the command's own as well: an
// execve by which we gained capabilities would clear the death signal (prctl(2)).
// Nothing is inheritable or ambient, or programs with file capabilities would take from
// it (compare CVE-2022-24769).
func (p *pid1) keepCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData // of 32 capabilities each
	if err := unix.Capget(&header, &have[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	keep := uint64(1 << unix.CAP_SYS_ADMIN)
	if p.user.Uid == 0 {
		keep |= p.Capabilities
	}
	want := have
	for i := range want {
		want[i].Permitted &= uint32(keep >> (32 * i))
		want[i].Effective, want[i].Inheritable = want[i].Permitted, 0
	}
	err := unix.Capset(&header, &want[0])
	if err == nil {
		if err = unix.Capget(&header, &have[0]); err == nil && have != want {
			err = fmt.Errorf("these are left: %#x", have)
		}
	}
	return explain.Step(err, "the command's own, and what the seccomp filter needs", "capset", "%#x", keep)
}
