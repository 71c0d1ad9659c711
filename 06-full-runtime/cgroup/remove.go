package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long what was killed may take to end.
const patience = 5 * time.Second

// Remove removes a group that Make has made, perhaps in another process that is
// dead by now. Whatever is left in it is killed, and the groups that a container
// has made below it go as well. It is no error if there is no such group.
func Remove(path string) error {
	// What happens here to a wrong path could not be undone.
	if !strings.HasPrefix(filepath.Base(path), prefix) {
		return fmt.Errorf("remove cgroup %s: not one of ours", path)
	}
	for wait, deadline := time.Millisecond, time.Now().Add(patience); ; wait = min(2*wait, 50*time.Millisecond) {
		// An empty group, as after every orderly end, is gone at once.
		err := unix.Rmdir(path)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("rmdir %s: %w", path, err)
		}
		empty(path)
		time.Sleep(wait)
	}
}

// empty kills all processes in a group and below it, and removes the groups below
// it as far as they are empty.
func empty(path string) {
	group, err := os.OpenRoot(path)
	if err != nil {
		return // gone, for another has removed it
	}
	defer group.Close()
	if write(filepath.Join(path, "cgroup.kill"), "1") != nil {
		// Before Linux 5.14 there is no such file. One by one, new processes may
		// escape; the next round is for them.
		killEach(group)
	}
	removeBelow(group)
}

func killEach(group *os.Root) {
	forEachBelow(group, func(_ string, below *os.Root) { killEach(below) })
	procs, _ := group.ReadFile("cgroup.procs")
	for _, line := range strings.Fields(string(procs)) {
		// A process that is not in our PID namespace has the number 0, which kill(2)
		// would take for our own process group.
		if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

func removeBelow(group *os.Root) {
	forEachBelow(group, func(name string, below *os.Root) {
		removeBelow(below)
		_ = group.Remove(name)
	})
}

// forEachBelow goes through the groups directly below a group. It has no need of
// whole paths, which a container could make longer than the kernel takes.
func forEachBelow(group *os.Root, do func(name string, below *os.Root)) {
	entries, _ := fs.ReadDir(group.FS(), ".")
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if below, err := group.OpenRoot(entry.Name()); err == nil {
			do(entry.Name(), below)
			below.Close()
		}
	}
}
