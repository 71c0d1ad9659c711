package container

import (
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/idmap"
)

// As PID 1 of a container the program's life ends here, before most packages that
// main needs are initialised: those for pulling images take longer to start than
// all that follows.
func init() {
	if os.Args[0] != childName {
		return
	}
	// The kernel keeps the death signal per thread, and exec keeps that of the
	// thread that calls it.
	runtime.LockOSThread()
	err := pid1()
	fmt.Fprintf(os.Stderr, "container: %v\n", err)
	var failed *commandError
	if errors.As(err, &failed) {
		os.Exit(failed.status)
	}
	os.Exit(StatusFailed)
}

// pid1 goes from a fresh clone to the command. It returns only with an error.
//
// Mounts are made while the host is in sight, and put in their places when it no
// longer is. So no path of the image, which may be a symlink to anywhere, is
// ever followed as long as there is something to reach by it (compare runc's
// CVE-2019-16884, CVE-2021-30465).
func pid1() error {
	if os.Getpid() != 1 {
		return errors.New("not PID 1: only the parent's half may start this one")
	}
	// What ps shows, in place of the number of a descriptor.
	_ = os.WriteFile("/proc/self/comm", []byte(childName), 0)
	// Modes are to be what we say, whatever the user's mask.
	unix.Umask(0o022)
	parent := os.NewFile(3, "parent")
	defer parent.Close()
	c, err := receive(parent)
	if err != nil {
		return err
	}
	if c.Explain {
		explainTo(c.Terminal)
		explainNamespaces(c.Namespaces)
	}
	mounts, err := isolate(c.Config)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return adviseUserNS(c.Config, err)
	}
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if err := m.attach(); err != nil {
			return err
		}
	}
	if c.NoNetwork {
		if err := bringUpLoopback(); err != nil {
			return err
		}
	}
	user, err := lookupUser(c.User)
	if err != nil {
		return err
	}
	if c.Terminal {
		if err := openConsole(parent, c.Size, user.Uid); err != nil {
			return err
		}
	}
	if err := enterWorkDir(c.WorkDir); err != nil {
		return err
	}
	if c.ReadOnly {
		if err := setReadOnly("as --read-only says", "/", false); err != nil {
			return err
		}
	}
	if err := becomeUser(user); err != nil {
		return err
	}
	env := environment(c.Config, user.Home)
	if c.Init {
		return runInit(c.Config, env, parent)
	}
	return execCommand(c.Args, env)
}

// explainTo has our steps told on what is stderr now. A container's own terminal
// is to have none of it.
func explainTo(terminal bool) {
	if fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3); err == nil {
		explain.To(os.NewFile(uintptr(fd), "stderr"), "PID 1", terminal)
	}
}

// attacher is a mount, or several, that is made and not yet in its place.
type attacher interface{ attach() error }

// isolate makes the mounts and leaves the host. Where user namespaces are
// restricted, it is here that it shows.
func isolate(c Config) ([]attacher, error) {
	if err := makePrivate(); err != nil {
		return nil, err
	}
	// What is the host's we open as who we are there. The container's root may have
	// no way to it.
	root, err := openRoot(c)
	if err != nil {
		return nil, err
	}
	volumes, err := newVolumes(c.Mounts)
	if err != nil {
		return nil, err
	}
	if !c.Map.None() {
		if err := idmap.BecomeRoot(); err != nil {
			return nil, err
		}
	}
	if err := setHostname(c.Hostname); err != nil {
		return nil, err
	}
	if err := leaveKeyring(); err != nil {
		return nil, err
	}
	proc, err := newProc()
	if err != nil {
		return nil, err
	}
	dev, err := newDev()
	if err != nil {
		return nil, err
	}
	return append([]attacher{proc, dev}, volumes...), root.enter(c)
}

// receive reads the parent's message. If the parent dies before it has sent it,
// so do we: the death signal is not certain to be set that early.
func receive(parent *os.File) (message, error) {
	var m message
	// From here on the socket is ours alone, and not the command's.
	unix.CloseOnExec(int(parent.Fd()))
	if err := gob.NewDecoder(parent).Decode(&m); err != nil {
		return m, fmt.Errorf("read the parent's message: %w", err)
	}
	return m, nil
}
