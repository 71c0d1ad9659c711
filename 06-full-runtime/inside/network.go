package inside

import (
	"fmt"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// bringUpLoopback gives a new network namespace, which has no more than a
// loopback interface that is down, at least that.
func (p *pid1) bringUpLoopback() error {
	if !p.NoNetwork {
		return nil
	}
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
	return explain.Step(unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request), "the one interface that a new network namespace has", "ioctl", "SIOCSIFFLAGS lo IFF_UP")
}
