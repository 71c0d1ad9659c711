package main

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// rule is a setting by which a machine forbids namespaces.
type rule struct {
	name    string
	forbids string // the value that does
	mend    string
	forRoot bool // binds root as well
}

var settings = []rule{
	// Debian's own, gone from its newer kernels.
	{"kernel.unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1", false},
	// Ubuntu's since 24.04, for programs that have no AppArmor profile that lets
	// them through.
	{"kernel.apparmor_restrict_unprivileged_userns", "1", "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0", false},
	{"user.max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=10000", true},
	{"user.max_mnt_namespaces", "0", "sudo sysctl user.max_mnt_namespaces=10000", true},
	{"user.max_uts_namespaces", "0", "sudo sysctl user.max_uts_namespaces=10000", true},
	{"user.max_pid_namespaces", "0", "sudo sysctl user.max_pid_namespaces=10000", true},
	{"user.max_ipc_namespaces", "0", "sudo sysctl user.max_ipc_namespaces=10000", true},
	{"user.max_cgroup_namespaces", "0", "sudo sysctl user.max_cgroup_namespaces=10000", true},
	{"user.max_net_namespaces", "0", "sudo sysctl user.max_net_namespaces=10000", true},
}

// inForce lists the settings that forbid something here.
func inForce() []rule {
	var found []rule
	for _, r := range settings {
		value, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(r.name, ".", "/"))
		if err == nil && strings.TrimSpace(string(value)) == r.forbids {
			found = append(found, r)
		}
	}
	return found
}

// rules tells what settings say. What they do is for the namespaces to tell:
// there may be an exception for this program.
func rules(p *patient) finding {
	var names, mends []string
	onlyOthers := p.root()
	for _, r := range inForce() {
		names = append(names, r.name+"="+r.forbids)
		mends = append(mends, r.mend)
		onlyOthers = onlyOthers && !r.forRoot
	}
	if len(names) == 0 {
		return ok("no sysctl or AppArmor rule that can be seen here forbids namespaces")
	}
	f := limit(strings.Join(names, ", "), "see the namespaces below", strings.Join(mends, "; "))
	if onlyOthers {
		f.affects = "ordinary users: lessons 1 to 4 under `unshare -r`, lesson 6 without sudo, their half of the tests"
	}
	return f
}

// mendNamespace names what would let this user have a kind of namespace, user,
// mnt and so on, that was refused.
func (p *patient) mendNamespace(kind string, err error) string {
	for _, r := range inForce() {
		if r.name == "user.max_"+kind+"_namespaces" || !r.forRoot && !p.root() ||
			!p.root() && r.name == "user.max_user_namespaces" {
			return r.mend
		}
	}
	switch {
	case errors.Is(err, unix.ENOSPC):
		// The limits of the user namespaces around this one count too, and cannot be
		// read from here.
		return "sudo sysctl user.max_" + kind + "_namespaces=10000, outside of the user namespace that this runs in, if it does"
	case errors.Is(err, unix.EINVAL):
		return "this kernel is built without them: use your distribution's own"
	case p.root():
		return "this root lacks CAP_SYS_ADMIN, as in a container: start it with --privileged, or use a machine of your own"
	}
	return "something around this process forbids it, a container perhaps: start that with --privileged, or use a machine of your own"
}
