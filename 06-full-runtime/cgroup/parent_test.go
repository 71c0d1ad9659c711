package cgroup

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// beOrdinary takes root's right to write everywhere, for the rest of the test.
func beOrdinary(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	// It is the thread that loses it (setfsuid(2)).
	runtime.LockOSThread()
	if err := unix.Setfsuid(12345); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if unix.Setfsuid(0) == nil {
			runtime.UnlockOSThread()
		}
	})
}

// delegate makes what is below a directory the ordinary user's.
func delegate(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		for _, path := range []string{path, path + "/cgroup.procs"} {
			if os.Geteuid() != 0 {
				continue // ours already
			}
			if err := os.Chown(path, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// keep takes the right to write to groups, which are not delegated.
func keep(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
}

func TestFindDelegated(t *testing.T) {
	top, err := os.MkdirTemp("", "cgroup-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	// What systemd makes, with a group too little in the application's.
	slice := filepath.Join(top, "user.slice")
	login := slice + "/session-1.scope"
	manager := slice + "/user@1000.service"
	app := manager + "/app.slice"
	scope := app + "/run-1.scope"
	service := top + "/lab.service"
	for _, path := range []string{top, slice, login, service} {
		group(t, path, "cpu io memory pids\n")
	}
	group(t, manager, "cpu memory pids\n")
	group(t, app, "memory pids\n")
	group(t, scope, "memory pids\n")
	delegate(t, manager, app, scope, service)
	keep(t, top, slice, login)
	beOrdinary(t)

	for _, test := range []struct {
		what, own string
		need      []string
		want      string
		errors    []string
	}{
		{"the nearest group", scope, []string{"memory", "pids"}, app, nil},
		{"the nearest that has the controller", scope, []string{"cpu", "memory"}, manager, nil},
		{"a group two levels below", scope + "/x", []string{"memory"}, scope, nil},
		{"a controller that is not delegated", scope, []string{"io", "memory"}, "",
			[]string{manager, "without the io controller"}},
		{"a login", login, []string{"memory"}, "",
			[]string{login, "access " + slice + ": permission denied"}},
		{"one group for all", service, []string{"memory"}, "",
			[]string{service}},
		{"the top", top, []string{"memory"}, "", []string{top, "access " + top + ": permission denied"}},
	} {
		got, err := findDelegated(top, test.own, test.need)
		if got != test.want || (err == nil) != (test.errors == nil) {
			t.Errorf("%s: %q, %v; want %q", test.what, got, err, test.want)
		}
		for _, part := range test.errors {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: no %q in: %v", test.what, part, err)
			}
		}
	}
}

func TestEnable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cgroup.subtree_control")
	for _, test := range []struct {
		need []string
		want string
	}{
		{[]string{"pids", "memory"}, "memory pids cpuset\n"}, // as it was
		{[]string{"cpu", "io", "memory"}, "+cpu +io"},
	} {
		if err := os.WriteFile(file, []byte("memory pids cpuset\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := enable(dir, test.need); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(file); !strings.HasPrefix(string(got), test.want) {
			t.Errorf("to enable %v, %q was written, %v; want %q", test.need, got, err, test.want)
		}
	}
}
