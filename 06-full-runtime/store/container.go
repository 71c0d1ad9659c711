package store

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

	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/06-full-runtime/cgroup"
)

// Container is the directory of a container that runs. It is there until Remove,
// or until we die: then a janitor removes it, and where that was killed too, the
// next run.
//
//	upper/, work/     overlayfs's, what the container writes
//	root/             where its root is mounted, in its own mount namespace
//	files/            mounted over files of the image
//	layers            the layers that it uses, a line each
//	cgroup            the path of its control group, if it has one
//	pid1              its first process, and when that was started
//
// Who is killed while writing one of these files leaves it empty.
type Container struct {
	Dir     string
	store   *Store
	lock    *lock
	janitor *janitor.Janitor
}

// NewContainer makes the directory for a container of some layers. The caller must
// hold Share, so that prune does not remove them in between. The janitor makes it, so
// that there is no moment at which it is there and nobody looks after it.
func (s *Store) NewContainer(layers []string) (*Container, error) {
	j, dir, err := janitor.Hire(containerDuty, s.Dir)
	if err != nil {
		return nil, err
	}
	c := &Container{Dir: dir, store: s, janitor: j}
	// The janitor has a lock on it as well: whichever of us lives keeps Sweep away.
	if c.lock, err = tryLockDir(dir, unix.LOCK_SH); c.lock == nil && err == nil {
		err = fmt.Errorf("lock %s: another process is removing it", dir)
	}
	if err == nil {
		err = c.fill(layers)
	}
	if err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	return c, nil
}

func (c *Container) fill(layers []string) error {
	if err := c.note("layers", strings.Join(layers, "\n")); err != nil {
		return err
	}
	for _, name := range []string{"root", "files"} {
		if err := os.Mkdir(filepath.Join(c.Dir, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"upper", "work"} {
		if err := c.store.makeTop(filepath.Join(c.Dir, name)); err != nil {
			return err
		}
	}
	// The container's root mounts its root in here.
	_, gid := c.store.Map.Root()
	err := os.Lchown(c.Dir, -1, gid)
	if err == nil {
		err = os.Chmod(c.Dir, 0o710)
	}
	return err
}

func (c *Container) note(name, content string) error {
	return os.WriteFile(filepath.Join(c.Dir, name), []byte(content), 0o600)
}

// WriteFile makes a file that everybody in the container can read, and its root
// change, and returns its path.
func (c *Container) WriteFile(name string, content []byte) (string, error) {
	path := filepath.Join(c.Dir, "files", name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return "", err
	}
	if err := os.Chmod(path, 0o644); err != nil { // whatever the umask is
		return "", err
	}
	uid, gid := c.store.Map.Root()
	return path, os.Lchown(path, uid, gid)
}

// UsesCgroup notes the control group that is to be removed with the container. It
// must be called before the group is made.
func (c *Container) UsesCgroup(path string) error { return c.note("cgroup", path) }

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

// startTime is when a process was started: the boot, and clock ticks since. With it a
// number stands for one process and not for whoever has it next (proc_pid_stat(5)).
func startTime(pid int) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	// PID (NAME) STATE ..., where NAME may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const start = 22 - 3
	if len(fields) <= start {
		return "", fmt.Errorf("parse %s: too short", path)
	}
	return strings.TrimSpace(string(boot)) + " " + fields[start], nil
}

// Remove removes the directory. It may be called again.
func (c *Container) Remove() error {
	if c.janitor == nil {
		return nil
	}
	err := c.store.removeContainer(c.Dir)
	c.janitor.Dismiss()
	c.janitor = nil
	c.lock.release()
	return err
}

const containerDuty = "container-go-janitor-container"

func init() { janitor.Serve(containerDuty, keepContainer) }

// keepContainer is the janitor's duty, in the store that is in a directory.
func keepContainer(storeDir string) {
	s, err := load(storeDir)
	var dir string
	var l *lock
	if err == nil {
		dir, l, err = s.newContainerDir()
	}
	janitor.Answer(dir, err)
	if err != nil {
		return
	}
	defer l.release()
	janitor.Outlive()
	// Processes that are being killed along with our parent may still write.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if s.removeContainer(dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// newContainerDir makes a container's directory and locks it.
func (s *Store) newContainerDir() (string, *lock, error) {
	for {
		dir, err := os.MkdirTemp(s.path("containers"), "")
		if err != nil {
			return "", nil, err
		}
		// Before we have locked it, it looks dead, and may be removed.
		l, err := tryLockDir(dir, unix.LOCK_SH)
		if l != nil && exists(dir) {
			return dir, l, nil
		}
		l.release()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, errors.Join(err, os.Remove(dir))
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Sweep removes what dead containers have left in the store in dir, whatever their id
// maps are.
func Sweep(dir string) error {
	stores, failed := OpenAll(dir)
	for _, s := range stores {
		failed = errors.Join(failed, s.sweep())
	}
	return failed
}

// sweep goes on if it cannot remove one of them.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.path("containers"))
	if err != nil {
		return err
	}
	var failed error
	for _, entry := range entries {
		dir := s.path("containers", entry.Name())
		l, err := tryLockDir(dir, unix.LOCK_EX)
		if errors.Is(err, fs.ErrNotExist) || err == nil && l == nil {
			continue
		}
		if err == nil {
			err = s.removeContainer(dir)
		}
		l.release()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("clear what a dead container left: %w", err))
		}
	}
	return failed
}

// removeContainer removes a container's directory, and what still runs in it.
func (s *Store) removeContainer(dir string) error {
	killPID1(filepath.Join(dir, "pid1"))
	group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	if err == nil && len(group) > 0 {
		err = cgroup.Remove(string(group))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.removeTree(dir)
}

// killPID1 kills a container's first process, and with it all the others
// (pid_namespaces(7)), if it is still that one.
func killPID1(note string) {
	content, _ := os.ReadFile(note)
	number, started, _ := strings.Cut(string(content), " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if now, err := startTime(pid); err == nil && now == started {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		// It is readable when the process, and all that it took along, is dead.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 2000)
	}
}

// layersInUse lists the layers of all containers that run.
func (s *Store) layersInUse() (map[string]bool, error) {
	used := map[string]bool{}
	entries, err := os.ReadDir(s.path("containers"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(s.path("containers", entry.Name(), "layers"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for id := range strings.SplitSeq(string(content), "\n") {
			used[id] = true
		}
	}
	return used, nil
}
