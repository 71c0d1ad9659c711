package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSettings(t *testing.T) {
	l := Limits{Memory: 64 << 20, CPUs: 0.5, Pids: 20}
	want := []setting{
		{"cpu", "cpu.max", "50000 100000"},
		{"memory", "memory.max", "67108864"},
		{"memory", "memory.swap.max", "0"},
		{"pids", "pids.max", "20"},
	}
	if got := l.settings(); !slices.Equal(got, want) {
		t.Errorf("%+v: %v, want %v", l, got, want)
	}
	if got := controllers(want); !slices.Equal(got, []string{"cpu", "memory", "pids"}) {
		t.Errorf("the controllers are %v", got)
	}
	if (Limits{}).Any() || !l.Any() {
		t.Error("Any should tell whether there is a limit")
	}
}

// A kernel without swap has no memory.swap.max, and every one the others.
func TestSettingWithoutSwap(t *testing.T) {
	dir := t.TempDir()
	if err := (setting{"memory", "memory.swap.max", "0"}).write(dir); err != nil {
		t.Error(err)
	}
	err := setting{"memory", "memory.max", "1"}.write(dir)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir+"/memory.max") {
		t.Errorf("without memory.max: %v", err)
	}
}

// parent finds a place for the tests' groups, which these controllers must have.
func parent(t *testing.T, need ...string) string {
	t.Helper()
	dir, err := findParent(need)
	if err != nil {
		t.Skipf("no group can be made here: %v", err)
	}
	return dir
}

func TestMake(t *testing.T) {
	parent := parent(t, "cpu", "memory", "pids")
	name := fmt.Sprintf("test-%d", os.Getpid())
	g, err := Plan(name, Limits{Memory: 64 << 20, CPUs: 0.5, Pids: 20})
	if err == nil {
		err = g.Make()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer g.Remove()
	if want := filepath.Join(parent, "container-go-"+name); g.Path() != want {
		t.Errorf("the group is %s, want %s", g.Path(), want)
	}
	for file, want := range map[string]string{"memory.max": "67108864", "cpu.max": "50000 100000", "pids.max": "20"} {
		if got, err := os.ReadFile(filepath.Join(g.Path(), file)); strings.TrimSpace(string(got)) != want {
			t.Errorf("%s is %q, %v; want %q", file, got, err, want)
		}
	}
	if again, err := Plan(name, Limits{Pids: 20}); err != nil || !errors.Is(again.Make(), os.ErrExist) {
		t.Errorf("another of the same name was made, or not planned: %v", err)
	}
	cmd := exec.Command("cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: g.FD()}
	if out, err := cmd.Output(); !strings.HasSuffix(string(out), "/container-go-"+name+"\n") {
		t.Errorf("a child with the group's descriptor is in %q, %v", out, err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// What cannot be limited leaves no group.
func TestMakeFails(t *testing.T) {
	parent := parent(t, "pids")
	name := fmt.Sprintf("test-%d", os.Getpid())
	g, err := Plan(name, Limits{Pids: -7})
	if err == nil {
		err = g.Make()
	}
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "pids.max") {
		t.Errorf("a limit of -7 processes: %v", err)
	}
	if _, err := os.Stat(filepath.Join(parent, prefix+name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the group is left: %v", err)
	}
}

// busy makes a group with another below it, and a process in each.
func busy(t *testing.T) (path string, processes []*exec.Cmd) {
	path = filepath.Join(parent(t), fmt.Sprintf("%stest-%d", prefix, os.Getpid()))
	t.Cleanup(func() { _ = Remove(path) })
	for _, dir := range []string{path, path + "/a/b", path + "/c"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		group, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd()), Pdeathsig: syscall.SIGKILL}
		err = cmd.Start()
		group.Close()
		if err != nil {
			t.Fatal(err)
		}
		processes = append(processes, cmd)
	}
	return path, processes
}

func TestRemove(t *testing.T) {
	path, processes := busy(t)
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
	wantKilled(t, processes)
	if err := Remove(path); err != nil {
		t.Errorf("a group that does not exist: %v", err)
	}
	if err := Remove(filepath.Dir(path)); err == nil {
		t.Error("a group that is not ours: want an error")
	}
}

// Kernels before 5.14 have no cgroup.kill.
func TestKillEach(t *testing.T) {
	path, processes := busy(t)
	group, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	killEach(group)
	wantKilled(t, processes)
}

func wantKilled(t *testing.T, processes []*exec.Cmd) {
	t.Helper()
	for _, cmd := range processes {
		timer := time.AfterFunc(10*time.Second, func() {
			t.Errorf("%v is alive", cmd)
			_ = cmd.Process.Kill()
		})
		_ = cmd.Wait()
		timer.Stop()
		if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("%v: %v", cmd, cmd.ProcessState)
		}
	}
}
