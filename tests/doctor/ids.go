package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	ids "github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// subordinateIDs maps ids that were given to this user in /etc/subuid and
// /etc/subgid, with the two programs that may do so.
func subordinateIDs(p *patient) finding {
	affects := "lesson 6 without sudo: an image's files all belong to root, and --user must be 0"
	if p.root() {
		if p.inUserNS {
			return limit("this user namespace has the ids that it has", affects, "ask outside of it")
		}
		return ok("root needs none")
	}
	if p.name == "" {
		// newuidmap asks for the name first.
		return limit(fmt.Sprintf("uid %d has no name in /etc/passwd", p.uid), affects, "log in as a user who has one")
	}
	uids, errU := p.subordinate("/etc/subuid", strconv.Itoa(p.uid))
	gids, errG := p.subordinate("/etc/subgid", strconv.Itoa(p.uid))
	if err := errors.Join(errU, errG); err != nil {
		start := nextFree("/etc/subuid", "/etc/subgid")
		ids := fmt.Sprintf("%d-%d", start, start+65535)
		var mend []string
		if errU != nil {
			mend = append(mend, "--add-subuids "+ids)
		}
		if errG != nil {
			mend = append(mend, "--add-subgids "+ids)
		}
		return limit(err.Error(), affects, fmt.Sprintf("sudo usermod %s %s", strings.Join(mend, " "), p.name))
	}
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			return limit(program+" is not in PATH", affects, install("uidmap", "shadow-utils"))
		}
	}
	if p.userNS() != nil {
		return finding{verdict: untried, text: "there are some, but mapping them takes a user namespace"}
	}
	if err := p.mapIDs(uids, gids); err != nil {
		return limit(err.Error(), affects, "newuidmap and newgidmap must be setuid, or have the capability: reinstall their package, "+install("--reinstall uidmap", "shadow-utils"))
	}
	return ok("mapped %d user ids and %d group ids", uids.Count+1, gids.Count+1)
}

// subordinate finds the first range that a file gives to the user, by name or by
// number.
func (p *patient) subordinate(path, uid string) (ids.SubID, error) {
	ranges, err := ids.ParseSubIDFileFilter(path, func(r ids.SubID) bool {
		return (r.Name == p.name || r.Name == uid) && r.Count > 0
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return ids.SubID{}, err
	}
	if len(ranges) == 0 {
		return ids.SubID{}, fmt.Errorf("%s gives %s none", path, p.name)
	}
	return ranges[0], nil
}

// nextFree is where a new range may begin.
func nextFree(paths ...string) int64 {
	next := int64(100000)
	for _, path := range paths {
		ranges, _ := ids.ParseSubIDFile(path)
		for _, r := range ranges {
			next = max(next, r.SubID+r.Count)
		}
	}
	return next
}

// mapIDs makes a user namespace and has the two programs map its ids: 0 is the
// user, from 1 on come the subordinate ones.
func (p *patient) mapIDs(uids, gids ids.SubID) error {
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", probeFlag, "ids")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	output := new(strings.Builder)
	cmd.Stdout = output
	ready, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return plain(err)
	}
	for _, m := range []struct {
		program string
		own     int
		sub     ids.SubID
	}{{"newuidmap", p.uid, uids}, {"newgidmap", p.gid, gids}} {
		args := []string{strconv.Itoa(cmd.Process.Pid), "0", strconv.Itoa(m.own), "1",
			"1", strconv.FormatInt(m.sub.SubID, 10), strconv.FormatInt(m.sub.Count, 10)}
		said, mapErr := exec.CommandContext(ctx, m.program, args...).CombinedOutput()
		if mapErr != nil {
			_ = cmd.Process.Kill()
			err = errors.Join(err, fmt.Errorf("%s: %w %s", m.program, mapErr, strings.TrimSpace(string(said))))
		}
	}
	ready.Close()
	waitErr := cmd.Wait()
	if err == nil && waitErr != nil {
		err = fmt.Errorf("use them: %w %s", waitErr, output)
	}
	return err
}

// probeIDs waits for its ids to be mapped. Having been nobody until now, it has
// lost its capabilities; it gets them back when it starts anew as root.
func probeIDs([]string) error {
	_, _ = io.Copy(io.Discard, os.Stdin)
	if os.Geteuid() != 0 || os.Getegid() != 0 {
		return fmt.Errorf("they are not mapped: uid %d, gid %d", os.Geteuid(), os.Getegid())
	}
	return syscall.Exec("/proc/self/exe", []string{"doctor", probeFlag, "others"}, os.Environ())
}

// probeOthers becomes another user.
func probeOthers([]string) error {
	if err := syscall.Setgroups([]int{1}); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setgid(1); err != nil {
		return fmt.Errorf("setgid: %w", err)
	}
	if err := syscall.Setuid(1); err != nil {
		return fmt.Errorf("setuid: %w", err)
	}
	return nil
}
