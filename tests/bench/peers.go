package main

import (
	"os/exec"
	"path/filepath"

	"example.com/container-go/tests/bench/starter"
)

// launch is a command that is to run in a container.
type launch struct {
	who   who
	args  []string
	ref   string // of the image, for programs that have images; "" is the small one
	store string // of lesson 6, by its name; "" is the one with a single image
}

// runner is a program that runs commands in containers.
type runner struct {
	name    string // in tables
	program string // to look for in PATH; "" is lesson 6
	command func(*bench, launch) (starter.Command, error)

	// What cannot be seen from inside the container, for the table of walls.
	overlay   string // when its root filesystem is mounted
	entered   string // the system call that changes the root
	protected string // whether the container's root cannot change the runtime's program
}

const (
	lesson6     = "lesson 6"
	otherLesson = "other"

	before = "before"
	within = "in the run"
)

var runners = []runner{
	{lesson6, "", (*bench).lesson6, within, "pivot_root", "yes"},
	{otherLesson, "", (*bench).otherLesson6, within, "pivot_root", "yes"},
	{"runc", "runc", (*bench).runc, before, "pivot_root", "yes"},
	{"crun", "crun", (*bench).crun, before, "pivot_root", "yes"},
	{"bwrap", "bwrap", (*bench).bubblewrap, before, "pivot_root", "–"},
	{"unshare", "unshare", (*bench).unshare, before, "chroot", "–"},
	{"podman", "podman", (*bench).podmanRun, within, "pivot_root", "yes"},
}

// missing is the reason why this machine cannot run this program, or "".
func (r runner) missing() string {
	if r.program == "" {
		return ""
	}
	if _, err := exec.LookPath(r.program); err != nil {
		return r.program + " is not installed"
	}
	return ""
}

// as is a command of this user.
func (b *bench) as(w who, args ...string) starter.Command {
	return starter.Command{Args: args, Env: b.environment(w), ID: w.id}
}

func (b *bench) runc(l launch) (starter.Command, error) {
	bundle, err := b.bundle(l)
	state := filepath.Join(b.dir, l.who.key, "run", "runc")
	return b.as(l.who, "runc", "--root", state, "run", "--bundle", bundle, b.containerName()), err
}

func (b *bench) crun(l launch) (starter.Command, error) {
	bundle, err := b.bundle(l)
	state := filepath.Join(b.dir, l.who.key, "run", "crun")
	return b.as(l.who, "crun", "--root", state, "--cgroup-manager=disabled", "run", "--bundle", bundle, b.containerName()), err
}

// bubblewrap maps one id, so a user namespace of root's has the machine's root in it,
// and then the files must be root's.
func (b *bench) bubblewrap(l launch) (starter.Command, error) {
	rootfs, files, err := b.singleIDRoot(l.who)
	args := []string{"bwrap", "--bind", rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--mqueue", "/dev/mqueue",
		"--unshare-uts", "--unshare-pid", "--unshare-ipc", "--unshare-cgroup", "--hostname", hostname,
		"--as-pid-1", "--die-with-parent", "--new-session"}
	for _, name := range nameFiles {
		args = append(args, "--bind", filepath.Join(files, name), "/etc/"+name)
	}
	if len(l.who.ids) > 0 {
		args = append(args, "--unshare-user", "--uid", "0", "--gid", "0")
	}
	if l.who.id == 0 {
		args = append(args, "--cap-drop", "ALL")
	}
	for _, name := range ourWalls.capabilities {
		args = append(args, "--cap-add", name)
	}
	return b.as(l.who, append(args, l.args...)...), err
}

// unshare is the shell's way, with util-linux and coreutils. It maps one id, as
// bubblewrap does.
func (b *bench) unshare(l launch) (starter.Command, error) {
	rootfs, _, err := b.singleIDRoot(l.who)
	args := []string{"unshare", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork", "--kill-child", "--mount-proc=" + rootfs + "/proc"}
	if len(l.who.ids) > 0 {
		args = append(args, "--map-root-user")
	}
	return b.as(l.who, append(append(args, "chroot", rootfs), l.args...)...), err
}

func (b *bench) singleIDRoot(w who) (rootfs, files string, err error) {
	if w.id == 0 {
		w = root
	}
	rootfs, err = b.rootfs(w)
	return rootfs, filepath.Join(b.dir, w.key, "files"), err
}
