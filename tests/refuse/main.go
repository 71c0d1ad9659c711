// refuse runs a program under a seccomp filter that refuses one system call, as an outer
// sandbox does.
//
//	refuse ERRNO CALL PROGRAM [ARG...]
//
// CALL and ERRNO are numbers. Every process that the program starts is under the filter.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	err := run()
	fmt.Fprintln(os.Stderr, "refuse:", err)
	os.Exit(99)
}

func run() error {
	if len(os.Args) < 4 {
		return fmt.Errorf("name an error, a system call and a program")
	}
	errno, err := strconv.ParseUint(os.Args[1], 10, 16)
	if err != nil {
		return err
	}
	call, err := strconv.ParseUint(os.Args[2], 10, 32)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(os.Args[3])
	if err != nil {
		return err
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // the filter is the thread's, and execve keeps it
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_SECCOMP: %w", err)
	}
	return unix.Exec(path, os.Args[3:], os.Environ())
}
