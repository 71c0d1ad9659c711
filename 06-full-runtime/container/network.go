package container

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// bringUpLoopback gives a new network namespace, which has no more than a
// loopback interface that is down, at least that.
func bringUpLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("ioctl SIOCSIFFLAGS lo: %w", err)
	}
	return nil
}
