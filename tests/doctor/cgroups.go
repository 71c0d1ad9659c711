package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// limiting are the controllers that lesson 6's limits are made of.
var limiting = []string{"cpu", "memory", "pids"}

// delegate has systemd give every user's manager the controllers, from the next
// login on.
const delegate = `sudo mkdir -p /etc/systemd/system/user@.service.d && ` +
	`printf '[Service]\nDelegate=cpu memory pids\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && ` +
	`sudo systemctl daemon-reload; then log in again`

// cgroups makes a control group where lesson 6 would, and looks at what it has.
func cgroups(p *patient) finding {
	affects := "lesson 6's limits: --memory, --cpus, --pids-limit"
	const boot = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line; WSL2: see tests/classroom/README.md"
	var st unix.Statfs_t
	if err := unix.Statfs(cgroupRoot, &st); err != nil {
		return limit(fmt.Sprintf("%s: %v", cgroupRoot, err), affects, boot)
	}
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		return limit(oldCgroups(), affects, boot)
	}
	own, err := ownCgroup()
	if err != nil {
		return limit(err.Error(), affects, boot)
	}
	// Root puts its groups at the top, others below the one that they are in.
	parent := cgroupRoot
	if !p.root() || p.inUserNS {
		parent = filepath.Join(cgroupRoot, own)
	}
	has := strings.Fields(read(parent + "/cgroup.controllers"))
	dir, err := os.MkdirTemp(parent, "container-go-doctor-")
	if err != nil {
		return limit(fmt.Sprintf("v2, but %s is not yours to divide: %v", parent, plain(err)), affects,
			"systemd-run --user --scope -p Delegate=yes -- go run ./06-full-runtime …")
	}
	defer os.Remove(dir)
	lacks := slices.DeleteFunc(slices.Clone(limiting), func(c string) bool { return slices.Contains(has, c) })
	if len(lacks) > 0 {
		mend := boot
		if !p.root() {
			mend = delegate
		}
		return limit(fmt.Sprintf("v2, but without %s in %s", strings.Join(lacks, ", "), parent), affects, mend)
	}
	return ok("v2, made a group in %s, which has %s", parent, strings.Join(limiting, ", "))
}

// oldCgroups describes version 1, alone or with a version 2 beside it, which has
// what version 1 left it.
func oldCgroups() string {
	var st unix.Statfs_t
	unified := cgroupRoot + "/unified"
	if unix.Statfs(unified, &st) != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
		if len(read("/proc/cgroups")) == 0 {
			return "this kernel has none"
		}
		return "v1"
	}
	has := strings.Fields(read(unified + "/cgroup.controllers"))
	if len(has) == 0 {
		return "v1, and a v2 beside it without controllers (hybrid)"
	}
	return fmt.Sprintf("v1, and a v2 beside it with %s (hybrid)", strings.Join(has, ", "))
}

// ownCgroup is the path of this process's group, below the root.
func ownCgroup() (string, error) {
	for line := range strings.Lines(read("/proc/self/cgroup")) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path, nil
		}
	}
	return "", errors.New("/proc/self/cgroup names no v2 group")
}

func read(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}
