package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// The oldest kernel: an ordinary user may mount an overlay from 5.11 on, and
// mount_setattr(2) can change all mounts of a tree from 5.12 on.
const oldestMajor, oldestMinor = 5, 12

func kernel(*patient) finding {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return need("uname: "+err.Error(), "everything", "")
	}
	release := unix.ByteSliceToString(name.Release[:])
	var major, minor int
	_, err := fmt.Sscanf(release, "%d.%d", &major, &minor)
	if err == nil && (major < oldestMajor || major == oldestMajor && minor < oldestMinor) {
		return need(fmt.Sprintf("Linux %s is older than %d.%d", release, oldestMajor, oldestMinor),
			"lesson 6", "use a newer distribution, in a virtual machine perhaps: see tests/classroom/README.md")
	}
	return ok("Linux %s", release)
}

// memory runs a program that is in no file system, as lesson 6 runs itself: from
// a copy in memory that nobody can change.
func memory(p *patient) finding {
	affects := "lesson 6"
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return need(err.Error(), affects, "mount -t proc proc /proc")
	}
	defer self.Close()
	fd, err := unix.MemfdCreate("doctor", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate("doctor", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return need("memfd_create: "+err.Error(), affects, "sudo sysctl vm.memfd_noexec=1")
	}
	memory := os.NewFile(uintptr(fd), "doctor")
	defer memory.Close()
	if _, err = io.Copy(memory, self); err == nil {
		_, err = unix.FcntlInt(memory.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	}
	if err == nil {
		err = outcome(exec.CommandContext(p.ctx, fmt.Sprintf("/proc/self/fd/%d", memory.Fd()), probeFlag, "nothing"))
	}
	if err != nil {
		return need("run a program in memory: "+err.Error(), affects, "sudo sysctl vm.memfd_noexec=1")
	}
	return ok("ran one")
}
