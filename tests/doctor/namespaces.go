package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryUserNS makes a user namespace and mounts in it. Ubuntu's AppArmor rule lets
// the first succeed and then refuses the second.
func (p *patient) tryUserNS() error {
	return p.try(p.inNew(unix.CLONE_NEWUSER), "tmpfs")
}

// otherUser is an id that no account has, to be an ordinary user by.
const otherUser = 12345

func userNamespace(p *patient) finding {
	if err := p.userNS(); err != nil {
		affects := "lessons 1 to 4 under `unshare -r`, lesson 6"
		if p.root() {
			return limit(err.Error(), "lesson 6 with --userns, and all of it for ordinary users", p.mendNamespace("user", err))
		}
		return need(err.Error(), affects, p.mendNamespace("user", err))
	}
	if p.root() && !p.inUserNS {
		// What root may does not tell what others may.
		attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
		if err := p.try(attr, "nested"); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
			other := &patient{uid: otherUser}
			return limit("root makes one, but an ordinary user does not: "+err.Error(),
				"ordinary users: lessons 1 to 4 under `unshare -r`, lesson 6 without sudo, their half of the tests", other.mendNamespace("user", err))
		}
		return ok("root made one, so did an ordinary user; mounted a tmpfs in it")
	}
	return ok("made one, mounted a tmpfs in it")
}

// probeNested is an ordinary user making a user namespace.
func probeNested([]string) error {
	return (&patient{ctx: context.Background(), uid: os.Geteuid(), gid: os.Getegid()}).tryUserNS()
}

func probeTmpfs([]string) error { return mountOn(os.TempDir(), "tmpfs", "") }

// namespace tries one kind of namespace.
func (p *patient) namespace(kind string, flag uintptr, did, affects string) finding {
	if !p.root() && p.userNS() != nil {
		return finding{verdict: untried, text: "it takes a user namespace"}
	}
	if err := p.try(p.inNew(flag), kind); err != nil {
		return need(err.Error(), affects, p.mendNamespace(kind, err))
	}
	return ok("made one, %s in it", did)
}

func mountNamespace(p *patient) finding {
	f := p.namespace("mnt", unix.CLONE_NEWNS, "mounted a tmpfs on /mnt", "lessons 2, 3, 4 and 6")
	if _, err := os.Stat("/mnt"); f.verdict == missing && err != nil {
		f.mend = "sudo mkdir /mnt"
	}
	return f
}

// probeMnt does what lesson 2 does.
func probeMnt([]string) error {
	if err := mountOn("/mnt", "tmpfs", ""); err != nil {
		return err
	}
	return os.WriteFile("/mnt/hello", nil, 0o644)
}

func utsNamespace(p *patient) finding {
	return p.namespace("uts", unix.CLONE_NEWUTS, "set a hostname and mounted a tmpfs", "lessons 1 to 4 and 6")
}

func probeUts([]string) error {
	if err := mountOn(os.TempDir(), "tmpfs", ""); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("doctor")); err != nil {
		return fmt.Errorf("sethostname: %w", err)
	}
	return nil
}

func pidNamespace(p *patient) finding {
	f := p.namespace("pid", unix.CLONE_NEWPID, "mounted its /proc", "lessons 3, 4 and 6")
	if f.verdict == missing && strings.Contains(f.text, "mount proc") {
		// A container hides parts of /proc, and so its user namespaces get no other.
		f.mend = "where parts of /proc are mounted over, as in a container, there is no other /proc to be had: start it with --privileged, or use a machine of your own"
	}
	return f
}

func probePid([]string) error {
	if err := mountOn("/proc", "proc", ""); err != nil {
		return err
	}
	if self, err := os.Readlink("/proc/self"); err != nil || self != "1" {
		return fmt.Errorf("/proc/self is %q in there: %v", self, err)
	}
	return nil
}

func ipcNamespace(p *patient) finding {
	return p.namespace("ipc", unix.CLONE_NEWIPC, "mounted an mqueue", "lesson 6")
}

func cgroupNamespace(p *patient) finding {
	f := p.namespace("cgroup", unix.CLONE_NEWCGROUP, "mounted a cgroup2", "lesson 6")
	if f.verdict == missing && p.try(p.inNew(unix.CLONE_NEWCGROUP), "tmpfs") == nil {
		return limit("made one, but: "+f.text, "lesson 6: nothing in the container's /sys/fs/cgroup", "boot with cgroup v2, see cgroups below")
	}
	return f
}

func netNamespace(p *patient) finding {
	f := p.namespace("net", unix.CLONE_NEWNET, "mounted its sysfs and started lo", "lesson 6 with --network=none")
	if f.verdict == missing {
		f.verdict = limited
	}
	return f
}

func probeNet([]string) error {
	if err := mountBelow("sysfs"); err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("start lo: %w", err)
	}
	return nil
}

// unshareCommand runs util-linux's unshare the way README.md does. A rule of
// AppArmor may let this program make namespaces and not that one, or the other
// way round.
func unshareCommand(p *patient) finding {
	found := limit
	affects := "the tests, which make their surroundings with it"
	if !p.root() {
		found, affects = need, "lessons 1 to 4 without sudo, and the tests"
	}
	path, err := exec.LookPath("unshare")
	if err != nil {
		return found("not in PATH", affects, install("util-linux", "util-linux"))
	}
	self, err := os.Executable()
	if err != nil {
		return found(err.Error(), affects, "")
	}
	flags := []string{"-r", "-m", self, probeFlag, "tmpfs"}
	err = outcome(exec.CommandContext(p.ctx, path, flags...))
	switch {
	case err == nil:
		return ok("`unshare -r -m` made namespaces, mounted a tmpfs in them")
	case p.userNS() != nil:
		return finding{verdict: untried, text: "it is there, but takes a user namespace"}
	}
	return found(err.Error(), affects, p.mendNamespace("user", err))
}
