// Package idmap chooses which ids of the host a container's users and groups are,
// and makes user namespaces with them (user_namespaces(7)).
package idmap

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// Range maps Count ids, Inside and up in the namespace, to Outside and up in ours.
type Range struct{ Inside, Outside, Count int }

// Map says what the ids in a container are outside of it. The zero Map stands for
// no user namespace: they are the same.
type Map struct{ UIDs, GIDs []Range }

// None reports whether there is no user namespace.
func (m Map) None() bool { return len(m.UIDs) == 0 }

// Single reports whether the container has no more than one user, root.
func (m Map) Single() bool { return !m.None() && (count(m.UIDs) == 1 || count(m.GIDs) == 1) }

func count(ranges []Range) int {
	n := 0
	for _, r := range ranges {
		n += r.Count
	}
	return n
}

// Root is who the container's root is outside.
func (m Map) Root() (uid, gid int) {
	if m.None() {
		return 0, 0
	}
	return m.UIDs[0].Outside, m.GIDs[0].Outside
}

// Initial reports whether we are in the user namespace that the kernel began with,
// where alone root is the machine's. Its inode is a constant of the kernel's
// (include/linux/proc_ns.h, PROC_USER_INIT_INO).
func Initial() bool {
	link, err := os.Readlink("/proc/self/ns/user")
	return err != nil || link == "user:[4026531837]"
}

// Name is a file name for all that has owners as the map says, seen from our own
// user namespace.
func (m Map) Name() string {
	if m.None() && Initial() {
		return "host"
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // it is made of numbers
	}
	if !Initial() {
		uids, _ := os.ReadFile("/proc/self/uid_map")
		gids, _ := os.ReadFile("/proc/self/gid_map")
		text = slices.Concat(text, uids, gids)
	}
	sum := sha256.Sum256(text)
	return "userns-" + hex.EncodeToString(sum[:6])
}

// Attr has a process start in a user namespace of its own. It has no ids in there
// until Write gives it some, and must not need any before it is told so. As execve(2)
// takes the capabilities from whoever is not root, these are made ambient ones,
// which it leaves (capabilities(7)); BecomeRoot ends that. It must be all of them:
// if root gains any by an execve(2), that clears the death signal (prctl(2)).
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
	return explain.Step(err, "the ids in the user namespace, and what they are outside", "write %s %q", path, content)
}

func help(program string, pid int, ranges []Range) error {
	args := append([]string{strconv.Itoa(pid)}, strings.Fields(lines(ranges))...)
	output, err := exec.Command(program, args...).CombinedOutput()
	if err != nil && len(output) > 0 {
		err = errors.New(strings.TrimSpace(string(output)))
	}
	return explain.Step(err, "subordinate ids, which only a setuid program may map", "%s %s", program, strings.Join(args, " "))
}

func lines(ranges []Range) string {
	var b strings.Builder
	for _, r := range ranges {
		fmt.Fprintf(&b, "%d %d %d\n", r.Inside, r.Outside, r.Count)
	}
	return b.String()
}

// BecomeRoot makes this process, the first of a user namespace that has ids by
// now, root in there, if it is not yet. Its capabilities are those of root then,
// and no longer ambient: the command is to have what its user has.
func BecomeRoot() error {
	if hasGroups() {
		if err := explain.Step(syscall.Setgroups([]int{}), "none of the host's groups", "setgroups []"); err != nil {
			return err
		}
	}
	if err := explain.Step(syscall.Setresgid(0, 0, 0), "the first group of the user namespace", "setresgid 0 0 0"); err != nil {
		return err
	}
	if err := explain.Step(syscall.Setresuid(0, 0, 0), "root of the user namespace, and of nothing else", "setresuid 0 0 0"); err != nil {
		return err
	}
	// That has changed our credentials, and with it made /proc/self root's (proc(5));
	// our files in there are to be our own.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_DUMPABLE: %w", err)
	}
	if err := SetDeathSignal(); err != nil {
		return err
	}
	return dropInheritable()
}

// SetDeathSignal has the kernel kill us when our parent dies. A change of user has
// cleared what the parent asked for (prctl(2)).
func SetDeathSignal() error {
	err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	return explain.Step(err, "when the runtime dies, so do we", "prctl PR_SET_PDEATHSIG SIGKILL")
}

// dropInheritable empties the inheritable set and, with it, the ambient one.
// Programs with file capabilities would take from it (compare CVE-2022-24769).
func dropInheritable() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}
