// Package cgroup limits what a container may use, by a control group of its own
// (cgroups(7), and the kernel's Documentation/admin-guide/cgroup-v2.rst).
//
// It knows version 2 alone. On a machine where the limits cannot be had, New says
// why: nothing runs without a limit that was asked for.
package cgroup

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// prefix is what the names of our groups begin with.
const prefix = "container-go-"

// Group is a control group for one container. A nil Group is none.
type Group struct {
	path string
	fd   int
}

// New makes the group container-go-NAME with these limits. Where it can be, and
// what is wrong where it cannot, findParent says. Nothing is left of the group
// after an error; the controllers that were enabled above it for its sake stay so,
// as another container may rely on them by now.
func New(name string, l Limits) (*Group, error) {
	settings := l.settings()
	parent, err := findParent(controllers(settings))
	if err != nil {
		return nil, err
	}
	if err := enable(parent, controllers(settings)); err != nil {
		return nil, err
	}
	path := filepath.Join(parent, prefix+name)
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	g := &Group{path, -1}
	if err := g.setUp(settings); err != nil {
		_ = g.Remove()
		return nil, err
	}
	return g, nil
}

func (g *Group) setUp(settings []setting) error {
	for _, s := range settings {
		if err := s.write(g.path); err != nil {
			return err
		}
	}
	var err error
	if g.fd, err = unix.Open(g.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open %s: %w", g.path, err)
	}
	return nil
}

// FD is a descriptor of the group, valid until Remove, for clone3(2) with
// CLONE_INTO_CGROUP: a child that is born in the group has never been outside of
// its limits. It is 0 if there is no group.
func (g *Group) FD() int {
	if g == nil {
		return 0
	}
	return g.fd
}

// Path is the group's directory, which Remove takes.
func (g *Group) Path() string { return g.path }

// Remove removes the group, and kills what is left in it.
func (g *Group) Remove() error {
	if g == nil {
		return nil
	}
	if g.fd >= 0 {
		unix.Close(g.fd)
		g.fd = -1
	}
	return Remove(g.path)
}

// write writes one of the files by which a group is controlled.
func write(path, value string) error {
	// Not os.WriteFile: it would create what the kernel does not have, or rather
	// fail to, and not with ENOENT.
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err = file.WriteString(value); err != nil {
		return fmt.Errorf("%q: %w", value, err)
	}
	return nil
}
