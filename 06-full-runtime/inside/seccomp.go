package inside

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// filterCalls is the wall against bugs of the kernel. A program in a container talks to
// the same kernel as the host, and some 100 of its 400 system calls are of use to few
// programs and to many exploits: user namespaces, io_uring, userfaultfd, bpf, keyctl.
// The filter refuses these, as docker run does (seccomp(2)). It holds for every program
// that follows, and cannot be taken off.
//
// The filter comes last, because the steps before make calls that it refuses. A process
// without no_new_privs needs CAP_SYS_ADMIN here, which keepCapabilities has kept for us.
//
// It sees numbers and not memory. So i386's socketcall(2), with all arguments in memory,
// reaches the kinds of sockets that socket(2) may not make.
func (p *pid1) filterCalls() error {
	if p.Filter == nil {
		return nil
	}
	const size = unix.SizeofSockFilter
	program := unix.SockFprog{Len: uint16(len(p.Filter) / size), Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(p.Filter)))}
	// Without the flag, kernels before 5.16 make every program slower, against a bug of
	// processors that a filter does not help with.
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&program)))
	err := error(nil)
	if errno != 0 {
		err = errno
	}
	return explain.Step(err, "Docker's profile: few programs need the calls that it refuses", "seccomp", "SECCOMP_SET_MODE_FILTER, %d instructions", program.Len)
}
