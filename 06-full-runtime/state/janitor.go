package state

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/06-full-runtime/store"
)

const containerDuty = "container-go-janitor-container"

func init() { janitor.Serve(containerDuty, keepContainer) }

// keepContainer is the janitor's duty, in the store that is in a directory.
func keepContainer(storeDir string) {
	s, err := store.Load(storeDir)
	var dir string
	var l *store.Lock
	if err == nil {
		dir, l, err = newDir(s)
	}
	janitor.Answer(dir, err)
	if err != nil {
		return
	}
	defer l.Release()
	janitor.Outlive()
	// Processes that are being killed along with our parent may still write.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if remove(s, dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// newDir makes a container's directory and locks it.
func newDir(s *store.Store) (string, *store.Lock, error) {
	for {
		dir, err := os.MkdirTemp(s.Path("containers"), "")
		if err != nil {
			return "", nil, err
		}
		// Before we have locked it, it looks dead, and may be removed.
		l, err := store.TryLockDir(dir, unix.LOCK_SH)
		if l != nil && exists(dir) {
			return dir, l, nil
		}
		l.Release()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, errors.Join(err, os.Remove(dir))
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
