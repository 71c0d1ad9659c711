package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// limiting are the controllers that lesson 6's limits are made of.
var limiting = []string{"cpu", "memory", "pids"}

// delegate has systemd give every user's manager the controllers, from the next
// login on.
const delegate = `sudo mkdir -p /etc/systemd/system/user@.service.d && ` +
	`printf '[Service]\nDelegate=cpu memory pids\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && ` +
	`sudo systemctl daemon-reload; then log in again`

// cgroups makes a control group where lesson 6 would, and looks at what it has.
func cgroups(p *patient) finding {
	const affects = "lesson 6's limits: --memory, --cpus, --pids-limit"
	const boot = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line; WSL2: see tests/classroom/README.md"
	top, v1 := hierarchies()
	switch {
	case top == "" && v1:
		return limit("v1", affects, boot)
	case top == "":
		return limit("none are mounted", affects, "sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup")
	}
	version := "v2"
	if v1 {
		version = "v1, and a v2 beside it (hybrid)"
	}
	if lacks := lacking(top); len(lacks) > 0 {
		return limit(fmt.Sprintf("%s: %s has no %s", version, top, strings.Join(lacks, ", ")), affects, boot)
	}
	// Root puts its groups at the top. Others need one that is theirs, and above
	// their own, which has themselves in it and so passes no controllers on.
	var refused error
	for _, dir := range append([]string{top}, above(top)...) {
		if err := makeGroup(dir); err != nil {
			refused = err
			continue
		}
		if lacks := lacking(dir); len(lacks) > 0 {
			return limit(fmt.Sprintf("%s: %s is yours, but has no %s", version, dir, strings.Join(lacks, ", ")), affects, delegate)
		}
		if occupied(dir) {
			return limit(fmt.Sprintf("%s: %s has processes in it, as in a container, and so passes no controllers on", version, dir), affects,
				"move them to a group below it, or use a machine of your own")
		}
		return ok("%s: made a group in %s, which has %s", version, dir, strings.Join(limiting, ", "))
	}
	return limit(fmt.Sprintf("%s, but none is yours: %v", version, refused), affects,
		"systemd-run --user --scope -p Delegate=yes go run ./06-full-runtime …")
}

// hierarchies finds the mount of version 2, and whether version 1 has one.
func hierarchies() (v2 string, v1 bool) {
	for line := range strings.Lines(read("/proc/self/mountinfo")) {
		left, right, _ := strings.Cut(line, " - ")
		fields := strings.Fields(left)
		fstype, _, _ := strings.Cut(right, " ")
		v1 = v1 || fstype == "cgroup"
		if fstype != "cgroup2" || len(fields) < 5 || v2 != "" {
			continue
		}
		// It may be hidden by a later mount.
		var st unix.Statfs_t
		if unix.Statfs(fields[4], &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
			v2 = fields[4]
		}
	}
	return v2, v1
}

// above lists the groups above our own, but for the top.
func above(top string) []string {
	var dirs []string
	for line := range strings.Lines(read("/proc/self/cgroup")) {
		if own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			for dir := filepath.Dir(own); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
				dirs = append(dirs, filepath.Join(top, dir))
			}
		}
	}
	return dirs
}

// makeGroup makes a group that we could also put a process into, and removes it.
func makeGroup(dir string) error {
	group, err := os.MkdirTemp(dir, "container-go-doctor-")
	if err != nil {
		return fmt.Errorf("make a group in %s: %w", dir, plain(err))
	}
	defer os.Remove(group)
	if err := unix.Faccessat(unix.AT_FDCWD, dir+"/cgroup.procs", unix.W_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("put a process into a group in %s: %w", dir, err)
	}
	return nil
}

// lacking lists the controllers that a group does not have.
func lacking(dir string) []string {
	has := strings.Fields(read(dir + "/cgroup.controllers"))
	return slices.DeleteFunc(slices.Clone(limiting), func(c string) bool { return slices.Contains(has, c) })
}

// occupied tells whether a group cannot pass on its controllers, and does not yet.
// The machine's top group, which has no type, always can.
func occupied(dir string) bool {
	passes := strings.Fields(read(dir + "/cgroup.subtree_control"))
	for _, c := range limiting {
		if !slices.Contains(passes, c) {
			return read(dir+"/cgroup.type") != "" && read(dir+"/cgroup.procs") != ""
		}
	}
	return false
}

func read(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}
