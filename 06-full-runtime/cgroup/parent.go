package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// findParent finds a group below which we can make one that has these
// controllers. For root it is the top of the hierarchy.
func findParent(need []string) (string, error) {
	h, err := findHierarchy()
	if err != nil {
		return "", err
	}
	if err := h.offers(need); err != nil {
		return "", err
	}
	if mayUse(h.mount) == nil {
		return h.mount, nil
	}
	own, err := h.own()
	if err != nil {
		return "", err
	}
	return findDelegated(h.mount, own, need)
}

// findDelegated is findParent for everybody else. Two rules of cgroup-v2.rst leave
// us the ancestors of our own group, and of these the ones delegated to us:
//
//   - "Delegation Containment": a process is put into another group only by who may
//     write to cgroup.procs of both groups' common ancestor.
//   - "No Internal Process Constraint": a group with processes in it, as our own has
//     us, does not pass controllers on. Only the top is excepted.
//
// Where systemd has delegated a scope to us, as the manager of our session does,
// the manager's own group above it is as much ours, and holds no process.
func findDelegated(top, own string, need []string) (string, error) {
	var refused, lacking error
	for dir := own; dir != top; {
		dir = filepath.Dir(dir)
		if err := mayUse(dir); err != nil {
			refused = cmp.Or(refused, err)
			continue
		}
		have, err := readControllers(dir)
		if err != nil {
			return "", err
		}
		missing := without(need, have)
		if len(missing) == 0 {
			return dir, nil
		}
		lacking = unavailable("find delegated controller", fmt.Errorf("cgroup %s is delegated to you without the %s controller", dir, strings.Join(missing, " and ")))
	}
	if lacking != nil {
		return "", lacking
	}
	return "", notDelegated(own, cmp.Or(refused, mayUse(own)))
}

// notDelegated is the error where no group above our own may be used.
func notDelegated(own string, err error) error {
	err = fmt.Errorf("cgroup %s is in none that is delegated to you: %w", own, err)
	if !errors.Is(err, unix.EROFS) && mayUse(own) == nil {
		return unavailable("find cgroup below our own", err)
	}
	return unavailable("find delegated cgroup", err)
}

// mayUse fails unless we may make a group in this one, and put our child there.
func mayUse(dir string) error {
	for _, path := range []string{dir, filepath.Join(dir, "cgroup.procs")} {
		if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS); err != nil {
			return fmt.Errorf("access %s: %w", path, err)
		}
	}
	return nil
}

// enable has the groups below a group have these controllers.
func enable(dir string, names []string) error {
	path := filepath.Join(dir, "cgroup.subtree_control")
	enabled, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	missing := without(names, string(enabled))
	if len(missing) == 0 {
		return nil
	}
	if err := write(path, "+"+strings.Join(missing, " +")); err != nil {
		return unavailable("enable controllers", err)
	}
	return nil
}

// readControllers reads which controllers a group may pass on.
func readControllers(dir string) (string, error) {
	content, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	return string(content), err
}

// without returns the names that are not in a list with spaces between.
func without(names []string, list string) []string {
	have := strings.Fields(list)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(have, name) })
}
