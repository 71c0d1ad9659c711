package userns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// Attr has a process start in a user namespace of its own. It has no ids in there
// until Write gives it some, and must not need any before it is told so. As execve(2)
// takes the capabilities from whoever is not root, these are made ambient ones,
// which it leaves (capabilities(7)), until inside/capabilities.go drops them. It must be
// all of them: if root gains any by an execve(2), that clears the death signal
// (prctl(2)).
func (m Map) Attr(attr *syscall.SysProcAttr) {
	if m.None() {
		return
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	for c := range lastCapability() + 1 {
		attr.AmbientCaps = append(attr.AmbientCaps, c)
	}
}

// lastCapability is the highest that the kernel knows.
func lastCapability() uintptr {
	if text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap"); err == nil {
		if last, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 8); err == nil {
			return uintptr(last)
		}
	}
	return unix.CAP_LAST_CAP
}

// Write gives the user namespace of a process its ids. Any process may map one id,
// its own, for a child. The other ids of an ordinary user are those of /etc/subuid
// and /etc/subgid, and newuidmap(1), which is setuid root, sees to it that nobody
// takes more.
func (m Map) Write(pid int) error {
	if m.None() {
		return nil
	}
	if m.needsHelper() {
		if err := help("newuidmap", pid, m.UIDs); err != nil {
			return err
		}
		return help("newgidmap", pid, m.GIDs)
	}
	if os.Geteuid() != 0 || !hasGroups() {
		// Without it a process could drop a group that denies it something.
		if err := write(pid, "setgroups", "deny"); err != nil {
			return err
		}
	}
	if err := write(pid, "uid_map", lines(m.UIDs)); err != nil {
		return err
	}
	return write(pid, "gid_map", lines(m.GIDs))
}

// needsHelper reports whether the map is more than we may write ourselves.
func (m Map) needsHelper() bool { return os.Geteuid() != 0 && !m.Single() }

// hasGroups reports whether our own user namespace lets its processes change
// their groups. If not, its children must not either.
func hasGroups() bool {
	text, err := os.ReadFile("/proc/self/setgroups")
	return err != nil || strings.TrimSpace(string(text)) != "deny"
}

func write(pid int, file, content string) error {
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	err := os.WriteFile(path, []byte(content), 0)
	err = explain.Step(err, "the ids in the user namespace, and what they are outside", "write", "%s %q", path, content)
	if err != nil {
		return &mapError{err}
	}
	return nil
}

func help(program string, pid int, ranges []Range) error {
	args := append([]string{strconv.Itoa(pid)}, strings.Fields(lines(ranges))...)
	output, err := exec.Command(program, args...).CombinedOutput()
	if err != nil && len(output) > 0 {
		err = errors.New(strings.TrimSpace(string(output)))
	}
	err = explain.Step(err, "subordinate ids, which only a setuid program may map", program, "%s", strings.Join(args, " "))
	if err != nil {
		return &refusal{program, err}
	}
	return nil
}

// refusal is the error that newuidmap or newgidmap has refused a map.
type refusal struct {
	program string
	error
}

func (e *refusal) Unwrap() error { return e.error }

// Refused returns the program that has refused to write a map, if that is what an error
// comes from, or "". A map of one id needs no such program.
func Refused(err error) (program string) {
	if e := new(refusal); errors.As(err, &e) {
		return e.program
	}
	return ""
}

func lines(ranges []Range) string {
	var b strings.Builder
	for _, r := range ranges {
		fmt.Fprintf(&b, "%d %d %d\n", r.Inside, r.Outside, r.Count)
	}
	return b.String()
}

// mapError marks a write as that of an id map, for package advice.
type mapError struct{ error }

func (e *mapError) Unwrap() error { return e.error }
func (e *mapError) Step() string  { return "write id map" }
