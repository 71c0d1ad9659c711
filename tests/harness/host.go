package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// host is what a program could change on the host and must not.
type host struct {
	hostname string
	mounts   []string // lines of mountinfo, see proc_pid_mountinfo(5)
	proc     bool     // /proc is the one that it was
	cgroups  map[string]bool
	children map[int]string // process number to name
	temp     map[string]bool
	root     []string // the root directory's mode, owner and names
}

// proc is the host's /proc, also when somebody mounts another over it.
var proc = func() *os.Root {
	root, err := os.OpenRoot("/proc")
	if err != nil {
		panic(err)
	}
	return root
}()

func snapshot(t *testing.T) *host {
	t.Helper()
	h := &host{cgroups: cgroups(), children: children(), temp: temporary()}
	var err error
	if h.hostname, err = os.Hostname(); err != nil {
		t.Fatal(err)
	}
	if h.mounts, err = mounts("self"); err != nil {
		t.Fatal(err)
	}
	if h.root, err = rootDirectory(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Readlink("/proc/self")
	h.proc = err == nil && self == fmt.Sprint(os.Getpid())
	return h
}

// checkHost fails the test for everything that is not as it was before, and puts
// it right as far as it can, for the sake of the tests that follow.
func (c *Case) checkHost(before *host) {
	c.t.Helper()
	var problems []string
	for deadline := time.Now().Add(*Grace); ; time.Sleep(5 * time.Millisecond) {
		problems = append(before.compare(snapshot(c.t)), c.leftInTemp()...)
		if len(problems) == 0 {
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	for _, problem := range problems {
		c.t.Error(problem)
	}
	before.restore(c.t)
}

// compare says in plain words what has changed.
func (h *host) compare(now *host) []string {
	var problems []string
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if now.hostname != h.hostname {
		say("the host's hostname changed from %s to %s: it was set without a UTS namespace of its own (CLONE_NEWUTS)", h.hostname, now.hostname)
	}
	if h.proc && !now.proc {
		say("the host's /proc no longer works: another was mounted over it, without a mount namespace of its own (CLONE_NEWNS)")
	}
	for _, line := range missing(now.mounts, h.mounts) {
		say("the host has a new or changed mount: %s\nthe program changed the host's mount tree: either it has no mount namespace of its own (CLONE_NEWNS), or that is still shared with the host's (it needs MS_REC|MS_PRIVATE on /)", line)
	}
	for _, line := range missing(h.mounts, now.mounts) {
		say("a mount of the host is gone or changed: %s\nthe program changed the host's mount tree: either it has no mount namespace of its own (CLONE_NEWNS), or that is still shared with the host's (it needs MS_REC|MS_PRIVATE on /)", line)
	}
	for dir := range now.cgroups {
		if !h.cgroups[dir] && !inUseByOthers(dir) {
			say("a cgroup was left behind: %s", dir)
		}
	}
	for pid, name := range now.children {
		if _, ok := h.children[pid]; !ok {
			say("a process was left behind: %d %s\nwhat the program starts must not outlive it (prctl PR_SET_PDEATHSIG, or a PID namespace whose PID 1 dies)", pid, name)
		}
	}
	if !slices.Equal(h.root, now.root) {
		say("the host's root directory was %v and is %v: an unpacked layer or a mount got out of its directory", h.root, now.root)
	}
	for path := range now.temp {
		if !h.temp[path] {
			say("the host has a new %s", path)
		}
	}
	return problems
}

// rootDirectory describes the host's root directory. A way out of a container or
// of a layer's directory ends there more often than not.
func rootDirectory() ([]string, error) {
	var st unix.Stat_t
	if err := unix.Stat("/", &st); err != nil {
		return nil, fmt.Errorf("stat /: %w", err)
	}
	entries, err := os.ReadDir("/")
	described := []string{fmt.Sprintf("mode %o", st.Mode), fmt.Sprintf("owner %d:%d", st.Uid, st.Gid)}
	for _, entry := range entries {
		described = append(described, entry.Name())
	}
	return described, err
}

// missing returns the lines of b that a lacks.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(b), func(line string) bool { return slices.Contains(a, line) })
}

func (c *Case) leftInTemp() []string {
	entries, err := os.ReadDir(c.TempDir)
	if err != nil {
		return []string{fmt.Sprintf("the program's temporary directory: %v", err)}
	}
	var problems []string
	for _, e := range entries {
		problems = append(problems, fmt.Sprintf("the program left %s in the directory for temporary files ($TMPDIR)", e.Name()))
	}
	return problems
}

// restore undoes what can be undone.
func (h *host) restore(t *testing.T) {
	now := snapshot(t)
	if now.hostname != h.hostname {
		_ = unix.Sethostname([]byte(h.hostname))
	}
	added := missing(h.mounts, now.mounts)
	for _, line := range slices.Backward(added) {
		_ = unix.Unmount(mountPoint(line), unix.MNT_DETACH)
	}
	const hello = "/mnt/hello"
	if now.temp[hello] && !h.temp[hello] {
		_ = os.Remove(hello)
	}
	for pid := range now.children {
		if _, ok := h.children[pid]; !ok {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_, _ = syscall.Wait4(pid, nil, 0, nil)
		}
	}
}

// mounts reads the mount table of a process.
func mounts(pid string) ([]string, error) {
	content, err := proc.Open(pid + "/mountinfo")
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var lines []string
	scanner := bufio.NewScanner(content)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}

// HostMounts is the host's mount table as the kernel tells it.
func (c *Case) HostMounts() string {
	c.t.Helper()
	lines, err := mounts("self")
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func mountPoint(line string) string {
	fields := strings.Fields(line)
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[4])
}

// cgroups lists control groups that we would be to blame for: those below our
// own, at the top, or with a telling name. Others come and go by themselves on a
// machine that is in use.
func cgroups() map[string]bool {
	const root = "/sys/fs/cgroup"
	var own []string
	content, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(content)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 && parts[2] != "/" {
			own = append(own, parts[2]+"/")
		}
	}
	found := map[string]bool{}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		inside := strings.TrimPrefix(path, root)
		ours := strings.Count(inside, "/") <= 1 || strings.Contains(inside, "container-go")
		for _, dir := range own {
			ours = ours || strings.Contains(inside+"/", dir)
		}
		if ours {
			found[path] = true
		}
		return nil
	})
	return found
}

// inUseByOthers reports whether a control group holds processes, and none of ours: other
// tests, or somebody else, may be at work on the same machine.
func inUseByOthers(dir string) bool {
	content, _ := os.ReadFile(dir + "/cgroup.procs")
	pids := strings.Fields(string(content))
	ours := descendants(os.Getpid(), processes())
	return len(pids) > 0 && !slices.ContainsFunc(pids, func(pid string) bool {
		n, err := strconv.Atoi(pid)
		return err != nil || slices.Contains(ours, n)
	})
}

// temporary lists the files by which programs like these betray themselves,
// where they do not belong. Somebody else may be at work on the same machine: we
// pass over what is not our users', or what another's process has in its
// arguments, as the janitor of lessons 5 and 6 does.
func temporary() map[string]bool {
	found := map[string]bool{}
	for _, pattern := range []string{
		stores + "/*/*/containers/*", stores + "/*/*/new/*",
		"/tmp/rootfs-*", "/tmp/.rootfs-*", "/tmp/container-go-*", "/tmp/escape-*", "/escape-*", "/mnt/hello",
	} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			var st unix.Stat_t
			if unix.Lstat(path, &st) != nil {
				continue
			}
			if (int(st.Uid) == os.Geteuid() || st.Uid == spareUser || st.Uid == subIDsUser) && !inArguments(path) {
				found[path] = true
			}
		}
	}
	return found
}

// inArguments tells whether a process that we did not start has a path in its
// arguments.
func inArguments(path string) bool {
	table := processes()
	ours := descendants(os.Getpid(), table)
	for pid := range table {
		if arguments, _ := proc.ReadFile(fmt.Sprintf("%d/cmdline", pid)); bytes.Contains(arguments, []byte(path)) && !slices.Contains(ours, pid) {
			return true
		}
	}
	return false
}
