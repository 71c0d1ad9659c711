package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// hierarchy is what the machine has mounted of cgroups.
type hierarchy struct {
	mount string            // the directory where version 2 is mounted, or ""
	root  string            // the group that this directory is, from our cgroup namespace's root
	v1    map[string]string // where version 1 is mounted, by controller
}

// findHierarchy reads the mount table. The format is in proc_pid_mountinfo(5).
func findHierarchy() (*hierarchy, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMounts(string(content)), nil
}

func parseMounts(mountinfo string) *hierarchy {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	h := &hierarchy{v1: map[string]string{}}
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, fs := strings.Fields(left), strings.Fields(right)
		if len(mount) < 5 || len(fs) < 3 {
			continue
		}
		point := unescape.Replace(mount[4])
		switch {
		case fs[0] == "cgroup2" && h.mount == "":
			h.mount, h.root = point, unescape.Replace(mount[3])
		case fs[0] == "cgroup":
			for controller := range strings.SplitSeq(fs[2], ",") {
				h.v1[controller] = point
			}
		}
	}
	return h
}

// offers fails unless the hierarchy has these controllers to give.
func (h *hierarchy) offers(need []string) error {
	if h.mount == "" && len(h.v1) == 0 {
		return errors.New("find cgroups in /proc/self/mountinfo: none are mounted\nlimits need them: sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup")
	}
	have := ""
	if h.mount != "" {
		var err error
		if have, err = readControllers(h.mount); err != nil {
			return err
		}
	}
	missing := without(need, have)
	if len(missing) == 0 {
		return nil
	}
	name := missing[0]
	if point, ok := h.v1[name]; ok {
		return fmt.Errorf("cgroup v2 does not have the %s controller here: cgroup v1 does, at %s\nlimits need cgroup v2 alone: boot with systemd.unified_cgroup_hierarchy=1", name, point)
	}
	if h.mount == "" {
		return errors.New("find cgroup2 in /proc/self/mountinfo: there is only cgroup v1\nlimits need cgroup v2 alone: boot with systemd.unified_cgroup_hierarchy=1")
	}
	return fmt.Errorf("%s has no %s controller: the kernel lacks it, or was booted with it disabled\nsee cgroup_disable= in /proc/cmdline", h.mount, name)
}

// own finds the directory of the group that we are in ourselves (cgroups(7),
// "/proc files").
func (h *hierarchy) own() (string, error) {
	const file = "/proc/self/cgroup"
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		if group, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return h.directory(group)
		}
	}
	return "", fmt.Errorf("%s names no group of cgroup v2", file)
}

// directory finds a group below the mount, which may show but a part of the tree.
func (h *hierarchy) directory(group string) (string, error) {
	inside, ok := strings.CutPrefix(group+"/", strings.TrimSuffix(h.root, "/")+"/")
	if !ok || strings.HasPrefix(inside, "../") {
		return "", fmt.Errorf("our own cgroup %s is not below %s, which shows %s", group, h.mount, h.root)
	}
	return filepath.Join(h.mount, inside), nil
}
