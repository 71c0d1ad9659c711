package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// probeFlag has this program, started again, try one thing. It does so in
// namespaces of its own, and what it mounts is gone with it.
const probeFlag = "--probe"

// probes are what it can try, by name.
var probes map[string]func(args []string) error

func init() {
	probes = map[string]func([]string) error{
		"nothing": func([]string) error { return nil },
		"user":    func([]string) error { return nil },
		"mnt":     probeMnt,
		"uts":     probeUts,
		"pid":     probePid,
		"ipc":     func([]string) error { return mountBelow("mqueue") },
		"cgroup":  func([]string) error { return mountBelow("cgroup2") },
		"net":     probeNet,
		"nested":  probeNested,
		"ids":     probeIDs,
		"others":  probeOthers,
		"lab":     probeLab,
		"overlay": probeOverlay,
		"tmpfs":   probeTmpfs,
	}
}

// probe is the probing process. It tells what went wrong on stdout.
func probe(name string, args []string) (status int) {
	if err := probes[name](args); err != nil {
		fmt.Print(err)
		return 1
	}
	return 0
}

// patience is how long anything may take: a second, but for an emulated machine.
const patience = time.Minute

// try starts a probe as a process with these attributes and waits for it. An
// error with a number of the kernel's in it is from before it was started: its
// namespaces were refused.
func (p *patient) try(attr *syscall.SysProcAttr, name string, args ...string) error {
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{probeFlag, name}, args...)...)
	cmd.SysProcAttr = attr
	err := outcome(cmd)
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return fmt.Errorf("cannot be made: %w", errno)
	}
	return err
}

// outcome runs a probing process and returns what it tells.
func outcome(cmd *exec.Cmd) error {
	output, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return plain(err)
	}
	said := strings.TrimSpace(string(output) + "\n" + string(exit.Stderr))
	if said == "" || strings.HasPrefix(said, "panic:") {
		return err
	}
	return errors.New(said)
}

// plain strips an error down to the kernel's own.
func plain(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}

// inNew asks for a process in new namespaces, and a mount namespace for what it
// mounts. Only root may make them without a user namespace, in which whoever is
// not root becomes it.
func (p *patient) inNew(flags uintptr) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: flags | unix.CLONE_NEWNS}
	if !p.root() {
		attr.Cloneflags |= unix.CLONE_NEWUSER
	}
	if attr.Cloneflags&unix.CLONE_NEWUSER != 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: p.uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: p.gid, Size: 1}}
	}
	return attr
}

// mountOn makes the mount tree private and mounts a filesystem.
func mountOn(dir, fstype, data string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mount tree private: %w", err)
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV)
	if err := unix.Mount(fstype, dir, fstype, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", fstype, dir, err)
	}
	return nil
}

// mountBelow mounts a tmpfs where it does not matter, and a filesystem in it.
func mountBelow(fstype string) error {
	dir := os.TempDir()
	if err := mountOn(dir, "tmpfs", ""); err != nil {
		return err
	}
	dir += "/" + fstype
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return mountOn(dir, fstype, "")
}
