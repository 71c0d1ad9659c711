package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/store"
)

// Sweep removes what dead containers have left in the store in dir, whatever their id
// maps are.
func Sweep(dir string) error {
	stores, failed := store.OpenAll(dir)
	for _, s := range stores {
		failed = errors.Join(failed, sweep(s))
	}
	return failed
}

// sweep goes on if it cannot remove one of them.
func sweep(s *store.Store) error {
	entries, err := os.ReadDir(s.Path("containers"))
	if err != nil {
		return err
	}
	var failed error
	for _, entry := range entries {
		dir := s.Path("containers", entry.Name())
		l, err := store.TryLockDir(dir, unix.LOCK_EX)
		if errors.Is(err, fs.ErrNotExist) || err == nil && l == nil {
			continue
		}
		if err == nil {
			err = remove(s, dir)
		}
		l.Release()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("clear what a dead container left: %w", err))
		}
	}
	return failed
}

// remove removes a container's directory, and what still runs in it.
func remove(s *store.Store, dir string) error {
	killPID1(filepath.Join(dir, "pid1"))
	group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	if err == nil && len(group) > 0 {
		err = cgroup.Remove(string(group))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.RemoveTree(dir)
}

// LayersInUse clears up after dead containers, and lists the layers of those that run.
func LayersInUse(s *store.Store) (map[string]bool, error) {
	if err := sweep(s); err != nil {
		return nil, err
	}
	used := map[string]bool{}
	entries, err := os.ReadDir(s.Path("containers"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(s.Path("containers", entry.Name(), "layers"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for id := range strings.SplitSeq(string(content), "\n") {
			used[id] = true
		}
	}
	return used, nil
}
