package container

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// sealedSelf returns a copy of the running program, in memory, that nobody can
// change. The child is started from it and not from our file: root in a container
// that gets hold of its first process's /proc/self/exe, by having an image's
// command or its interpreter be that, could write to the file, and what is
// started on the host the next time would be the image's (CVE-2019-5736).
func sealedSelf() (*os.File, error) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer program.Close()
	// Linux 6.3 lets the administrator have memory not executable unless asked.
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(config.ChildName, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(config.ChildName, flags)
	}
	if err != nil {
		return nil, &explain.Error{Call: "memfd_create", Args: config.ChildName, Err: err}
	}
	// Low numbers are taken, in the child, by the descriptors that it inherits.
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 10)
	unix.Close(fd)
	if err != nil {
		return nil, fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err)
	}
	memory := os.NewFile(uintptr(high), config.ChildName)
	if _, err = io.Copy(memory, program); err == nil {
		_, err = unix.FcntlInt(memory.Fd(), unix.F_ADD_SEALS,
			unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	err = explain.Step(err, "a copy of this program, for the child: the container must not reach our file", "memfd_create", "%s, fcntl F_ADD_SEALS", config.ChildName)
	if err != nil {
		memory.Close()
		return nil, err
	}
	return memory, nil
}
