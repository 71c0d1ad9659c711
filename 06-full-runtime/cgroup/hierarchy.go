package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"example.com/container-go/06-full-runtime/config"
)

// hierarchy is what the machine has mounted of cgroups.
type hierarchy struct {
	mount string            // the directory where version 2 is mounted, or ""
	root  string            // the group that this directory is, from our cgroup namespace's root
	v1    map[string]string // where version 1 is mounted, by controller
}

// findHierarchy reads the mount table.
func findHierarchy() (*hierarchy, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	return choose(mounts), err
}

func choose(mounts []*mountinfo.Info) *hierarchy {
	h := &hierarchy{v1: map[string]string{}}
	for _, m := range mounts {
		switch {
		case m.FSType == "cgroup2" && h.mount == "":
			h.mount, h.root = m.Mountpoint, m.Root
		case m.FSType == "cgroup":
			for controller := range strings.SplitSeq(m.VFSOptions, ",") {
				h.v1[controller] = m.Mountpoint
			}
		}
	}
	return h
}

// offers fails unless the hierarchy has these controllers to give.
func (h *hierarchy) offers(need []string) error {
	if h.mount == "" && len(h.v1) == 0 {
		return unavailable("find cgroups", errors.New("find cgroups in /proc/self/mountinfo: none are mounted"))
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
		return unavailable("find cgroup2", fmt.Errorf("cgroup v2 does not have the %s controller here: cgroup v1 does, at %s", name, point))
	}
	if h.mount == "" {
		return unavailable("find cgroup2", errors.New("find cgroup2 in /proc/self/mountinfo: there is only cgroup v1"))
	}
	return unavailable("find cgroup controller", fmt.Errorf("%s has no %s controller", h.mount, name))
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

// unavailable names the step that package advice knows.
func unavailable(step string, err error) error { return &config.Failure{Name: step, Err: err} }
