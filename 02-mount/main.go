// Lesson 2: a mount tree of its own.
//
// To lesson 1 we add a mount namespace: what is mounted in the container stays
// in the container. To show it, /mnt is a tmpfs with a file in it.
//
//	go run -exec sudo ./02-mount                   # a shell
//	go run -exec sudo ./02-mount cat /mnt/hello    # one command
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
		// The mount tree. The new one is a copy of the host's, and where that is
		// shared, as systemd makes it, a mount in the copy still appears on the
		// host. In Cloneflags, CLONE_NEWNS does no more than copy. Here, Go first
		// has the child call unshare(2), then mount(2) with MS_REC|MS_PRIVATE on
		// "/": `mount --make-rprivate /`, which ends the sharing.
		Unshareflags: syscall.CLONE_NEWNS,
		// Whatever ends us, Ctrl-C and kill -9 too, ends the child.
		Pdeathsig: syscall.SIGKILL,
	}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		must("start the child", err)
	}

	// Out here, on the host, what the container mounted must not be seen.
	hello := "/mnt/hello"
	if _, err := os.Stat(hello); err == nil {
		fmt.Fprintf(os.Stderr, "the host can see %s: the mount tree is not private\n", hello)
	} else {
		fmt.Fprintf(os.Stderr, "the host has no %s: the mount tree was private\n", hello)
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

	// A tmpfs is a filesystem in memory. This one hides what the host has in
	// /mnt, but only from processes in this mount namespace.
	must("mount tmpfs on /mnt", syscall.Mount("tmpfs", "/mnt", "tmpfs", 0, ""))
	must("make a file", os.WriteFile("/mnt/hello", []byte("hello from the container\n"), 0o644))

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
