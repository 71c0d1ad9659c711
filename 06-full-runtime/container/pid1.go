package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
)

// As PID 1 of a container the program's life ends here, before the packages
// that main needs are initialised: those for pulling images take longer to
// start than all that follows.
func init() {
	if len(os.Args) != 1 || os.Args[0] != childName || os.Getpid() != 1 {
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
	c, err := receive()
	if err != nil {
		return err
	}
	if err := setHostname(c.Hostname); err != nil {
		return err
	}
	if err := makePrivate(); err != nil {
		return adviseUserNS(c.UserNS, err)
	}
	proc, err := newProc()
	if err != nil {
		return err
	}
	dev, err := newDev()
	if err != nil {
		return err
	}
	if err := enterRoot(c.Rootfs); err != nil {
		return err
	}
	if err := proc.attach("/proc"); err != nil {
		return err
	}
	if err := dev.attach(); err != nil {
		return err
	}
	user, err := lookupUser(c.User)
	if err != nil {
		return err
	}
	if err := enterWorkDir(c.WorkDir); err != nil {
		return err
	}
	if err := becomeUser(user); err != nil {
		return err
	}
	return execCommand(c.Args, environment(c, user.Home))
}

// receive reads the Config that the parent sends. If the parent dies before it
// has, so do we: the death signal is not certain to be set that early.
func receive() (Config, error) {
	var c Config
	message := os.NewFile(3, "message")
	defer message.Close()
	if err := json.NewDecoder(message).Decode(&c); err != nil {
		return c, fmt.Errorf("read message from the parent: %w", err)
	}
	return c, nil
}
