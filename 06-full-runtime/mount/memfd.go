package mount

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// sealedCopy returns a descriptor of a copy of the running program, in memory, that no
// process can change.
func sealedCopy() (int, error) {
	const name = "container-go"
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		return -1, err
	}
	defer program.Close()
	// Linux 6.3 lets the administrator forbid executable memory unless asked for.
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return -1, &explain.Error{Call: "memfd_create", Args: name, Err: err}
	}
	// In the child, low numbers are those of the files that it inherits.
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 10)
	unix.Close(fd)
	if err != nil {
		return -1, fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err)
	}
	if err = copyFile(high, program); err == nil {
		_, err = unix.FcntlInt(uintptr(high), unix.F_ADD_SEALS,
			unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	err = explain.Step(err, "a copy of this program, for the child: the container must not reach our file", "memfd_create", "%s, fcntl F_ADD_SEALS", name)
	return high, err
}

// copyFile copies within the kernel, which is three times faster than io.Copy.
func copyFile(to int, from *os.File) error {
	for {
		n, err := unix.Sendfile(to, int(from.Fd()), nil, 1<<30)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("sendfile: %w", err)
		}
		if err == nil && n == 0 {
			return nil
		}
	}
}
