// Package state has what a running container owns: its directory, the notes in it,
// its lock and its janitor. It clears up after containers that died without it.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/store"
)

// Container is the directory of a container that runs. It is there until Remove,
// or until we die: then a janitor removes it, and where that was killed too, the
// next run.
//
//	upper/, work/     overlayfs's, what the container writes
//	root/             where its root is mounted, in its own mount namespace
//	layers            the layers that it uses, a line each
//	cgroup            the path of its control group, if it has one
//	pid1              its first process, and when that was started
//
// Who is killed while writing one of these files leaves it empty.
type Container struct {
	Dir     string
	images  *store.Store
	lock    *store.Lock
	janitor *janitor.Janitor
}

// New makes the directory for a container of some layers. The caller must hold
// images.Share, so that prune does not remove the layers in between. The janitor is
// started first and knows the directory's name, so the directory is never without a
// process that removes it.
func New(images *store.Store, layers []string) (*Container, error) {
	dir := images.Path("containers", fmt.Sprintf("%016x", rand.Uint64()))
	j, err := janitor.Start(containerDuty, dir)
	if err != nil {
		return nil, err
	}
	c := &Container{Dir: dir, images: images, janitor: j}
	if err = c.make(); err == nil {
		err = c.fill(layers)
	}
	if err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	return c, nil
}

// make makes the directory and locks it. Before it is locked it looks dead, and
// another process may remove it.
func (c *Container) make() error {
	for c.lock == nil {
		err := os.Mkdir(c.Dir, 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		c.lock, err = store.TryLockDir(c.Dir, unix.LOCK_SH)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := os.Lstat(c.Dir); err != nil {
			c.lock.Release()
			c.lock = nil
		}
	}
	return nil
}

func (c *Container) fill(layers []string) error {
	if err := c.note("layers", strings.Join(layers, "\n")); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(c.Dir, "root"), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"upper", "work"} {
		if err := c.images.MakeTop(filepath.Join(c.Dir, name)); err != nil {
			return err
		}
	}
	return c.images.LetIn(c.Dir) // the container's root mounts its root in here
}

func (c *Container) note(name, content string) error {
	return os.WriteFile(filepath.Join(c.Dir, name), []byte(content), 0o600)
}

// Born notes the container's first process, which is to be killed if we are. It
// must be called before that runs anything that is not ours.
func (c *Container) Born(pid, pidfd int) error {
	started, err := startTime(pid)
	if err != nil {
		return err
	}
	if err := c.note("pid1", fmt.Sprintf("%d %s", pid, started)); err != nil {
		return err
	}
	return c.janitor.Entrust(pidfd)
}

// Limit makes the container's cgroup, if there are limits. The note of it comes first,
// so that the group goes with the container in any case.
func (c *Container) Limit(l cgroup.Limits) (*cgroup.Group, error) {
	group, err := cgroup.Plan(filepath.Base(c.Dir), l)
	if group == nil || err != nil {
		return nil, err
	}
	if err := c.note("cgroup", group.Path()); err != nil {
		return nil, err
	}
	return group, group.Make()
}

// Remove removes the directory, and leaves to the janitor what cannot be removed yet.
func (c *Container) Remove() error {
	err := remove(c.images, c.Dir)
	if err == nil {
		c.janitor.Dismiss()
	} else {
		c.janitor.Release()
	}
	c.lock.Release()
	return err
}
