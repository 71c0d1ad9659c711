// Package cgroup limits what a container may use, by a control group of its own
// (cgroups(7), and the kernel's Documentation/admin-guide/cgroup-v2.rst).
//
// It knows version 2 alone. On a machine where the limits cannot be had, Plan says
// why: nothing runs without a limit that was asked for.
package cgroup

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// prefix is what the names of our groups begin with.
const prefix = "container-go-"

// Group is a control group for one container. A nil Group is none.
type Group struct {
	path     string
	fd       int
	settings []setting
}

// Plan finds a place for a group container-go-NAME with these limits. There is none
// if there are no limits.
func Plan(name string, l Limits) (*Group, error) {
	if !l.Any() {
		return nil, nil
	}
	settings := l.settings()
	parent, err := findParent(controllers(settings))
	if err != nil {
		return nil, err
	}
	return &Group{filepath.Join(parent, prefix+name), -1, settings}, nil
}

// Make makes the group. Nothing is left of it after an error. The controllers that
// it has enabled in the group above stay so, as another container may rely on them
// by now.
func (g *Group) Make() error {
	if err := enable(filepath.Dir(g.path), controllers(g.settings)); err != nil {
		return err
	}
	if err := explain.Step(os.Mkdir(g.path, 0o755), "a control group, which has limits", "mkdir", "%s", g.path); err != nil {
		return err
	}
	if err := g.setUp(); err != nil {
		_ = g.Remove()
		return err
	}
	return nil
}

func (g *Group) setUp() error {
	for _, s := range g.settings {
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
	if err == nil {
		_, err = file.WriteString(value)
		file.Close()
	}
	return explain.Step(err, "what the group may use, or pass on", "write", "%s %q", path, value)
}
