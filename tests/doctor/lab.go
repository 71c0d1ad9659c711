package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/04-chroot/labfs"
)

// labImage builds the root filesystem that stands in for an image, enters it as
// lesson 4 does and runs its shell.
func labImage(p *patient) finding {
	affects := "lesson 4 without --rootfs, lessons 5 and 6 with --image=lab"
	if !p.root() && p.userNS() != nil {
		// It can still be seen whether this machine has what it is made of.
		files, err := labfs.Plan()
		if err != nil {
			return need(err.Error(), affects, install("busybox-static", "busybox"))
		}
		return ok("%d files to make it of; running its shell takes a user namespace", len(files))
	}
	if err := p.try(p.inNew(unix.CLONE_NEWPID), "lab"); err != nil {
		f := need(err.Error(), affects, install("busybox-static", "busybox"))
		if p.namespace("pid", unix.CLONE_NEWPID, "", "").verdict != fine {
			f.verdict, f.affects, f.mend = untried, "", ""
		}
		return f
	}
	return ok("built one, ran its shell in it")
}

func probeLab([]string) error {
	dir := os.TempDir()
	if err := mountOn(dir, "tmpfs", ""); err != nil {
		return err
	}
	// Not over what labfs reads.
	dir += "/lab"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := labfs.Build(dir); err != nil {
		return err
	}
	if err := mountOn(dir+"/proc", "proc", ""); err != nil {
		return err
	}
	if err := unix.Chroot(dir); err != nil {
		return fmt.Errorf("chroot to %s: %w", dir, err)
	}
	shell := exec.Command("/bin/sh", "-c", "echo well")
	shell.Dir = "/"
	output, err := shell.CombinedOutput()
	if strings.TrimSpace(string(output)) != "well" {
		return fmt.Errorf("its shell: %v %s", err, output)
	}
	return nil
}

// terminal asks where the shells of the lessons would be.
func terminal(*patient) finding {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return limit("no new terminal: "+err.Error(), "the tests at a terminal", "sudo mount -t devpts devpts /dev/pts")
	}
	master.Close()
	if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err != nil {
		return limit("this does not run at one", "the lessons' shells: they show no prompt", "start it from a terminal, over the network with ssh -t")
	}
	return ok("this runs at one, and could open another")
}
