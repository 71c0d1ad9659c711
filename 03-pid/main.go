// Lesson 3: process numbers of its own.
//
// To lesson 2 we add a PID namespace and a /proc that shows it: the command is
// PID 1, and the host's processes are out of its sight.
//
//	go run -exec sudo ./03-pid          # a shell
//	go run -exec sudo ./03-pid ps ax    # one command
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
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
		// PID: the process numbers. Only clone(2) can make the child number 1;
		// unshare(2) leaves its caller with the number it has.
		Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID,
		// The mount tree. The new one is a copy of the host's, and where that is
		// shared, as systemd makes it, a mount in the copy still appears on the
		// host. In Cloneflags, CLONE_NEWNS does no more than copy. Here, Go first
		// has the child call unshare(2), then mount(2) with MS_REC|MS_PRIVATE on
		// "/": `mount --make-rprivate /`, which ends the sharing.
		Unshareflags: syscall.CLONE_NEWNS,
		// Whatever ends us, Ctrl-C and kill -9 too, ends the child.
		Pdeathsig: syscall.SIGKILL,
	}
	// Ctrl-C at a shell's prompt is for the shell. The terminal sends it to us
	// as well, and we catch it; it still ends us when we run a single command.
	if flag.NArg() == 0 {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
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

	// Programs like ps learn about processes from /proc, and the host's shows
	// the host's. A proc mounted by us shows our PID namespace. Nothing in it
	// is a program to run or a device to open, so we rule both out.
	flags := uintptr(syscall.MS_NOSUID | syscall.MS_NOEXEC | syscall.MS_NODEV)
	must("mount proc on /proc", syscall.Mount("proc", "/proc", "proc", flags, ""))

	// execve(2) puts the command in our place: same process, same namespaces,
	// and so the same process number, 1.
	command := flag.Args()
	if len(command) == 0 {
		// +m: no job control. The terminal's foreground process group is the
		// host's, which has no number in here. So do not press Ctrl-Z either: it
		// stops our parent, and not number 1.
		command = []string{"/bin/sh", "+m"}
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
