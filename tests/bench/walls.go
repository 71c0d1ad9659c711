package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/moby/sys/capability"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// walls are what keeps a container in, besides its root filesystem.
type walls struct {
	namespaces      []specs.LinuxNamespaceType
	capabilities    []string // that root keeps, like CAP_CHOWN; nil is all
	seccomp         string   // a file with config.json's linux.seccomp; "" is no filter
	masked          []string // paths that read as empty
	readonly        []string
	noNewPrivileges bool
	mounts          []specs.Mount
}

// ourWalls are lesson 6's. The peers get the same from here, so a new wall of lesson 6
// must come in here as well. The benchmark compares this with what it finds inside
// lesson 6's container, and warns if they differ.
var ourWalls = walls{
	namespaces: []specs.LinuxNamespaceType{
		specs.MountNamespace, specs.UTSNamespace, specs.PIDNamespace, specs.IPCNamespace, specs.CgroupNamespace,
	},
	mounts: []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=64m"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", terminalGroup}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=64m"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
	},
}

// terminalGroup is devpts's option that needs more than one group.
const terminalGroup = "gid=5"

// kept lists the capabilities that a container's root has. In a user namespace it can
// have all that there are, and otherwise all that we have.
func (w walls) kept(userNS bool) ([]string, error) {
	if w.capabilities != nil {
		return w.capabilities, nil
	}
	last, err := capability.LastCap()
	if err != nil {
		return nil, fmt.Errorf("find the last capability: %w", err)
	}
	var names []string
	for _, c := range capability.ListKnown() {
		bound, err := capability.GetBound(c)
		if err != nil {
			return nil, fmt.Errorf("read the bounding set: %w", err)
		}
		if c <= last && (userNS || bound) {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names, nil
}

// filter reads the seccomp profile.
func (w walls) filter() (*specs.LinuxSeccomp, error) {
	if w.seccomp == "" {
		return nil, nil
	}
	content, err := os.ReadFile(w.seccomp)
	if err != nil {
		return nil, err
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(content, &profile); err != nil {
		return nil, fmt.Errorf("%s: %w", w.seccomp, err)
	}
	return &profile, nil
}
