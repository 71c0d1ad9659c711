// Package outlive is where a janitor waits for the end of the process that started it.
//
// Go initializes packages in the order of their dependencies, and then of their import
// paths. This one needs syscall and nothing else. So it is among the first, and a
// janitor that has nothing left to do costs little more than an empty program.
package outlive

import "syscall"

// Variable is in the environment of each janitor.
const Variable = "CONTAINER_GO_JANITOR"

// Done is the message that ends a janitor: it has nothing left to do.
const Done = 'd'

// When init returns in a janitor, the other process is dead, and the janitor has a duty.
func init() {
	if _, janitor := syscall.Getenv(Variable); janitor && parent() == Done {
		syscall.Exit(0)
	}
}

// parent returns when the process that started this one is dead, has released it or
// has sent Done. It kills the processes that were entrusted to us, unless their work is
// done.
func parent() (message byte) {
	var pidfds []int
	data, rights := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	for {
		n, rightsLen, _, _, err := syscall.Recvmsg(0, data, rights, syscall.MSG_CMSG_CLOEXEC)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil || n == 0:
			kill(pidfds)
			return 0
		case data[0] == Done:
			return Done
		}
		messages, _ := syscall.ParseSocketControlMessage(rights[:rightsLen])
		for i := range messages {
			fds, _ := syscall.ParseUnixRights(&messages[i])
			pidfds = append(pidfds, fds...)
		}
	}
}

func kill(pidfds []int) {
	const pidfdSendSignal = 424 // pidfd_send_signal(2), the same number on every architecture
	for _, fd := range pidfds {
		_, _, _ = syscall.RawSyscall6(pidfdSendSignal, uintptr(fd), uintptr(syscall.SIGKILL), 0, 0, 0, 0)
	}
}
