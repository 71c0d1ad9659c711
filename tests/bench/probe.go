package main

import (
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// probeScript prints what a process of the container sees of its walls.
const probeScript = "cat /proc/self/status /proc/self/mountinfo; ls -l /proc/self/ns"

// probe is what was found inside a container.
type probe struct {
	namespaces map[string]string // inodes by names
	effective  uint64            // capabilities
	filtered   bool              // by seccomp
	noNewPrivs bool
	mounts     map[string]bool // read-only or not, by the mount's directory
}

// parseProbe reads what probeScript printed.
func parseProbe(text string) probe {
	p := probe{namespaces: map[string]string{}, mounts: map[string]bool{}}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 2 && fields[0] == "CapEff:":
			p.effective, _ = strconv.ParseUint(fields[1], 16, 64)
		case len(fields) == 2 && fields[0] == "Seccomp:":
			p.filtered = fields[1] != "0"
		case len(fields) == 2 && fields[0] == "NoNewPrivs:":
			p.noNewPrivs = fields[1] != "0"
		case len(fields) > 2 && fields[len(fields)-2] == "->":
			name, _, _ := strings.Cut(fields[len(fields)-1], ":")
			p.namespaces[name] = fields[len(fields)-1]
		case len(fields) > 6 && strings.Contains(line, " - "):
			p.mounts[fields[4]] = slices.Contains(strings.Split(fields[5], ","), "ro")
		}
	}
	return p
}

// hostNamespaces are ours, in the same form.
func hostNamespaces() map[string]string {
	found := map[string]string{}
	for _, name := range namespaceNames {
		found[name], _ = os.Readlink("/proc/self/ns/" + name)
	}
	return found
}

var namespaceNames = []string{"user", "mnt", "uts", "pid", "ipc", "cgroup", "net"}

// own reports whether the container has a namespace of its own.
func (p probe) own(name string, host map[string]string) bool {
	return p.namespaces[name] != "" && p.namespaces[name] != host[name]
}

// below lists the mounts of /proc and /sys that cover something, which is how paths
// are masked or made read-only.
func (p probe) below() []string {
	var covered []string
	for dir, readonly := range p.mounts {
		if strings.HasPrefix(dir, "/proc/") || strings.HasPrefix(dir, "/sys/") && !strings.HasPrefix(dir, cgroupRoot) {
			if readonly {
				dir += " (ro)"
			}
			covered = append(covered, dir)
		}
	}
	slices.Sort(covered)
	return covered
}

// probe runs the script with a program.
func (b *bench) probe(r runner, w who) (probe, error) {
	c, err := r.command(b, launch{who: w, args: []string{"sh", "-c", probeScript}})
	if err != nil {
		return probe{}, err
	}
	result, err := b.once(c)
	return parseProbe(result.Output), err
}

// contradiction lists the walls that the container, which root started, has and that
// w lacks, or the reverse. It is empty if they agree.
func (p probe) contradiction(w walls, host map[string]string) string {
	var found []string
	for name, kind := range map[string]specs.LinuxNamespaceType{
		"mnt": specs.MountNamespace, "uts": specs.UTSNamespace, "pid": specs.PIDNamespace,
		"ipc": specs.IPCNamespace, "cgroup": specs.CgroupNamespace, "net": specs.NetworkNamespace,
	} {
		if slices.Contains(w.namespaces, kind) != p.own(name, host) {
			found = append(found, "namespace "+name)
		}
	}
	if n := bits.OnesCount64(p.effective); n != len(w.capabilities) {
		found = append(found, fmt.Sprintf("capabilities: %d, not %d", n, len(w.capabilities)))
	}
	if p.filtered != w.seccomp {
		found = append(found, "seccomp")
	}
	if p.noNewPrivs != w.noNewPrivileges {
		found = append(found, "no_new_privs")
	}
	if n := len(p.below()); n == 0 != (len(w.masked)+len(w.readonly) == 0) {
		found = append(found, "masked and read-only paths")
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}
