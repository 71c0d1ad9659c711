// Package inside is PID 1's half of a container: it builds the container around
// itself and then becomes the command.
package inside

import (
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/moby/sys/user"

	"example.com/container-go/05-oci-pull/printable"
	"example.com/container-go/06-full-runtime/advice"
	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
	"example.com/container-go/06-full-runtime/userns"
)

// PID 1's half runs and ends in this init function, before most of the packages that
// main needs are initialized: those that pull images take longer to start than
// everything below.
func init() {
	if os.Args[0] != config.ChildName {
		return
	}
	if len(os.Args) > 1 { // with --init, the second time
		fail(startInit(os.Args[1]), false)
	}
	protect()
	// The kernel keeps the death signal per thread, and exec keeps that of the
	// thread that calls it.
	runtime.LockOSThread()
	p := &pid1{}
	fail(p.run(), p.UserNS)
}

// fail ends PID 1 with an error.
func fail(err error, userNS bool) {
	fmt.Fprintln(os.Stderr, "container: "+printable.Text(advice.Hint(err, userNS)))
	var failed *commandError
	if errors.As(err, &failed) {
		os.Exit(failed.status)
	}
	os.Exit(config.StatusFailed)
}

// pid1 is a process on its way from clone(2) to the command.
type pid1 struct {
	config.Message
	parent   *os.File     // the socket
	messages *gob.Decoder // from the socket
	root     *root        // the layers, held open
	names    names
	slaves   map[string]*mount.Mount // of volumes, by their targets
	mounts   []attacher              // made, and not attached yet
	user     *user.ExecUser
	program  string // to become the init
}

// attacher is one or more mounts that are made and not in their place yet.
type attacher interface{ attach() error }

// run takes the steps in order. It returns only with an error.
//
// Mounts are made while the host is in sight, and attached when it no longer is. So
// a path of the image, which may be a symlink to anywhere, is followed only when
// nothing of the host is left to reach (compare runc's CVE-2019-16884 and
// CVE-2021-30465).
//
// Who opens what: files of the host are opened before becomeRoot, as the caller who
// named them. Files of the image are opened after it, as the container's root.
func (p *pid1) run() error {
	for _, step := range []func() error{
		p.receive,          // the one message from the parent
		p.startExplaining,  // for --explain
		p.holdSlaves,       // volumes that follow the host's mounts
		makePrivate,        // lesson 2: no mount reaches the host
		p.holdRoot,         // the layers, as the caller
		p.holdVolumes,      // the host's files that -v names, as the caller
		p.holdProgram,      // for --init
		p.becomeRoot,       // of the user namespace, if there is one
		p.dieWithParent,    // becoming root has cleared the death signal
		p.setHostname,      // lesson 1
		leaveKeyring,       // no keys of the caller
		p.makeNames,        // /etc/hosts and the like, attached below
		p.makeProcAndDev,   // lesson 3, and a wall: /sys; made here, attached below
		p.enterRoot,        // lesson 4: from here on the host is out of sight
		p.attachMounts,     // /proc, /sys, /dev and the volumes
		p.maskPaths,        // a wall: what /proc and /sys show of the machine
		p.bringUpLoopback,  // the one interface of a new network namespace
		p.lookUpUser,       // in the image's /etc/passwd
		p.openConsole,      // the container's own terminal
		p.enterWorkDir,     // is made if it does not exist
		p.makeRootReadOnly, // for --read-only
		p.dropCapabilities, // a wall: what root in the container may do
		p.becomeUser,       // the image's or --user's
		p.dieWithParent,    // becoming another user has cleared the death signal
		p.awaitParent,      // until it can pass on signals
		p.forbidPrivileges, // a wall: setuid programs, if asked for
		p.filterCalls,      // a wall: system calls, after all that it would refuse us
		p.becomeTheCommand, // execve, or our init with --init
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return errors.New("the command has not replaced PID 1")
}

func makePrivate() error {
	return mount.MakePrivate("lesson 2: what we mount from here on does not appear on the host")
}

func (p *pid1) holdRoot() (err error) {
	p.root, err = openRoot(p.Config)
	return err
}

// holdVolumes puts the user's own mounts above the names.
func (p *pid1) holdVolumes() (err error) {
	if p.names, err = readNames(p.Hostname); err != nil {
		return err
	}
	p.mounts, err = newVolumes(append(p.names.volumes(p.ReadOnly), p.Mounts...), p.slaves)
	return err
}

func (p *pid1) makeNames() error { return p.names.make(p.mounts) }

func (p *pid1) becomeRoot() error {
	if !p.UserNS {
		return nil
	}
	return userns.BecomeRoot()
}

func (p *pid1) makeProcAndDev() error {
	proc, err := newProc()
	if err != nil {
		return err
	}
	sys, err := newSys()
	if err != nil {
		return err
	}
	dev, err := newDev()
	p.mounts = append([]attacher{proc, sys, dev}, p.mounts...)
	return err
}

func (p *pid1) attachMounts() error {
	for _, m := range p.mounts {
		if err := m.attach(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pid1) makeRootReadOnly() error {
	if !p.ReadOnly {
		return nil
	}
	return mount.SetReadOnly("as --read-only says", "/", false)
}

func (p *pid1) becomeTheCommand() error {
	env := environment(p.Config, p.user.Home)
	if p.Init {
		return p.becomeInit(env)
	}
	return execCommand(p.Args, env)
}
