// Program calls makes system calls that few programs need, and prints what the kernel
// says of each. The test of lesson 6's seccomp filter runs it inside of a container.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// probe is a call that the kernel lets root of a container make, if no filter refuses it.
type probe struct {
	name string
	call func() error
}

func main() {
	if len(os.Args) > 1 { // for the test of setuid programs, and for cloneUserNS
		fmt.Println(os.Args[1], os.Geteuid())
		return
	}
	runtime.LockOSThread()
	path := uintptr(unsafe.Pointer(unsafe.SliceData([]byte("/\x00"))))
	buffer := uintptr(unsafe.Pointer(unsafe.SliceData(make([]byte, 4096))))
	self := uintptr(os.Getpid())
	cwd := -100 // AT_FDCWD
	for _, p := range []probe{
		{"clone of a user namespace", cloneUserNS},
		{"unshare", func() error { return raw(unix.SYS_UNSHARE, unix.CLONE_SYSVSEM) }},
		{"keyctl", func() error { return raw(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0) }},
		{"add_key", addKey},
		{"socket AF_ALG", func() error { return raw(unix.SYS_SOCKET, unix.AF_ALG, unix.SOCK_SEQPACKET, 0) }},
		{"socket AF_VSOCK", func() error { return raw(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM, 0) }},
		{"io_uring_setup", func() error { return raw(unix.SYS_IO_URING_SETUP, 1, buffer) }},
		{"userfaultfd", func() error { return raw(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|1) }},
		{"open_tree", func() error { return raw(unix.SYS_OPEN_TREE, uintptr(cwd), path, 0) }},
		{"pidfd_getfd", func() error {
			pidfd, err := unix.PidfdOpen(int(self), 0)
			if err != nil {
				return err
			}
			return raw(unix.SYS_PIDFD_GETFD, uintptr(pidfd), 0, 0)
		}},
		{"kcmp", func() error { return raw(unix.SYS_KCMP, self, self, 0, 0, 0) }},
		{"move_pages", func() error { return raw(unix.SYS_MOVE_PAGES, 0, 0, 0, 0, 0, 0) }},
		{"get_mempolicy", func() error { return raw(unix.SYS_GET_MEMPOLICY, 0, 0, 0, 0, 0) }},
		{"personality", func() error { return raw(unix.SYS_PERSONALITY, 0x40000) }}, // ADDR_NO_RANDOMIZE
		{"clone3", func() error { return raw(unix.SYS_CLONE3, 0, 0) }},
		{"open_tree_attr", func() error { return raw(unix.SYS_OPEN_TREE_ATTR, uintptr(cwd), path, 0, 0, 0) }},
		// And those that programs do need.
		{"socket AF_INET", func() error { return raw(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0) }},
		{"chroot", func() error { return raw(unix.SYS_CHROOT, path) }},
	} {
		what := "ok"
		if err := p.call(); err != nil {
			what = err.Error()
		}
		fmt.Printf("%s: %s\n", p.name, what)
	}
}

func raw(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func cloneUserNS() error {
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"calls", "user"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}})
	if err == nil {
		_, err = syscall.Wait4(pid, nil, 0, nil)
	}
	return err
}

func addKey() error {
	_, err := unix.AddKey("user", "key", []byte("secret"), unix.KEY_SPEC_PROCESS_KEYRING)
	return err
}
