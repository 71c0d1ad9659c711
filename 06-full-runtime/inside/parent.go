package inside

import (
	"errors"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// dieWithParent makes the kernel kill us when the parent dies. A change of user or
// capabilities has cleared what the parent asked for (prctl(2)). If the parent died
// before this call, no signal will come: then its end of our socket is closed.
func (p *pid1) dieWithParent() error {
	err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	if err := explain.Step(err, "when the runtime dies, so do we", "prctl", "PR_SET_PDEATHSIG SIGKILL"); err != nil {
		return err
	}
	socket := []unix.PollFd{{Fd: int32(p.parent.Fd())}}
	if _, err := unix.Poll(socket, 0); err == nil && socket[0].Revents&unix.POLLHUP != 0 {
		return errors.New("the runtime has died")
	}
	return nil
}
