// Lesson 1: a hostname of its own.
//
// The command runs in a new UTS namespace, the part of the kernel's state that
// holds the hostname. It is shadman-lab in there, and the host keeps its own.
//
//	go run -exec sudo ./01-uts             # a shell
//	go run -exec sudo ./01-uts hostname    # one command
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// This program plays two parts. You start it as the parent; the parent starts
// it again, under this name, as the child, which is born in the container.
const childName = "container"

func main() {
	// Go moves running code between threads, but the kernel ties the death
	// signal we ask for below to one thread. So we stay on this one.
	runtime.LockOSThread()

	flag.Parse()
	if os.Args[0] == childName {
		child()
	} else {
		parent()
	}
}

func parent() {
	// Making namespaces takes CAP_SYS_ADMIN. Root has it, and so has whoever
	// `unshare -r` makes root in a user namespace.
	if os.Geteuid() != 0 {
		name := filepath.Base(os.Args[0])
		fmt.Fprintf(os.Stderr, "as root:      go run -exec sudo ./%s\n", name)
		fmt.Fprintf(os.Stderr, "without sudo: go run -exec \"unshare -r\" ./%s\n", name)
		os.Exit(1)
	}

	// The child gets our arguments, stdin, stdout and stderr. /proc/self/exe is
	// the kernel's link to the program that is running, wherever its file is.
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = childName
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr

	// Go starts a process with clone(2). Each CLONE_NEW flag makes the child
	// the first member of a new namespace; we ourselves stay in the host's.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// UTS: the hostname.
		Cloneflags: syscall.CLONE_NEWUTS,
		// Whatever ends us, Ctrl-C and kill -9 too, ends the child.
		Pdeathsig: syscall.SIGKILL,
	}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		must("start the child", err)
	}

	// The command's exit status is ours too; 128+n if signal n killed it.
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
}

func child() {
	// sethostname(2) names the UTS namespace of its caller, our own by now.
	must("sethostname", syscall.Sethostname([]byte("shadman-lab")))

	// execve(2) puts the command in our place: same process, same namespaces.
	command := flag.Args()
	if len(command) == 0 {
		command = []string{"/bin/sh"}
	}
	path, err := exec.LookPath(command[0])
	must("find the command", err)
	must("exec "+path, syscall.Exec(path, command, os.Environ()))
}

// must ends the program when what it was doing went wrong.
func must(doing string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", doing, err)
		os.Exit(1)
	}
}
