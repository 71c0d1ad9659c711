package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/06-full-runtime/store"
)

const containerDuty = "container"

func init() { janitor.Serve(containerDuty, keepContainer) }

// patience is how long processes that are being killed along with our parent may
// still write, so that their container cannot be removed.
const patience = 5 * time.Second

// keepContainer is the janitor's duty: it removes a container's directory when our
// parent is dead.
func keepContainer(dir string) {
	s, err := store.Load(filepath.Dir(filepath.Dir(dir)))
	if err != nil {
		return
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if removeDead(s, dir) == nil {
			return
		}
	}
}

// errLocked means that a container's runtime lives, or that another process is
// removing the container.
var errLocked = errors.New("locked")

// removeDead removes a container's directory if its runtime is dead. It is no error if
// there is no such directory.
func removeDead(s *store.Store, dir string) error {
	lock, err := store.TryLockDir(dir, unix.LOCK_EX)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case lock == nil:
		return fmt.Errorf("%s: %w", dir, errLocked)
	}
	defer lock.Release()
	return remove(s, dir)
}
