package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

const (
	unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
	hybrid  = `31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`
)

// parseMounts chooses from a mount table in the form of /proc/self/mountinfo.
func parseMounts(t *testing.T, table string) *hierarchy {
	t.Helper()
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(table), mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		t.Fatal(err)
	}
	return choose(mounts)
}

func TestParseMounts(t *testing.T) {
	h := parseMounts(t, unified+"99 30 0:26 /below /run/x rw - cgroup2 cgroup2 rw\n")
	if h.mount != "/sys/fs/cgroup" || h.root != "/" || len(h.v1) != 0 {
		t.Errorf("unified: %+v", h)
	}
	h = parseMounts(t, hybrid)
	if h.mount != "/sys/fs/cgroup/unified" || h.v1["memory"] != "/sys/fs/cgroup/memory" || h.v1["cpu"] != "/sys/fs/cgroup/cpu,cpuacct" {
		t.Errorf("hybrid: %+v", h)
	}
	h = parseMounts(t, `1 2 0:3 /a\040b /c\134\040d rw - cgroup2 none rw`)
	if h.mount != `/c\ d` || h.root != "/a b" {
		t.Errorf("escapes: %+v", h)
	}
}

// group makes something that looks like a group.
func group(t *testing.T, path, controllers string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"cgroup.controllers": controllers, "cgroup.procs": ""} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOffers(t *testing.T) {
	dir := t.TempDir()
	group(t, dir, "cpu hugetlb\n")
	v1 := map[string]string{"memory": "/v1/memory"}
	for _, test := range []struct {
		h    hierarchy
		need string
		want []string // in the error
	}{
		{hierarchy{mount: dir}, "cpu", nil},
		{hierarchy{mount: dir, v1: v1}, "cpu", nil},
		{hierarchy{mount: dir, v1: v1}, "memory", []string{"/v1/memory", "does not have the memory controller"}},
		{hierarchy{v1: v1}, "memory", []string{"/v1/memory", "does not have the memory controller"}},
		{hierarchy{v1: v1}, "pids", []string{"only cgroup v1"}},
		{hierarchy{mount: dir}, "pids", []string{dir, "no pids controller"}},
		{hierarchy{}, "pids", []string{"none are mounted"}},
	} {
		err := test.h.offers([]string{test.need})
		if (err == nil) != (test.want == nil) {
			t.Errorf("%+v, %s: %v", test.h, test.need, err)
		}
		for _, want := range test.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%+v, %s: no %q in: %v", test.h, test.need, want, err)
			}
		}
	}
}

func TestDirectory(t *testing.T) {
	for _, test := range []struct{ root, group, want string }{
		{"/", "/", "/m"},
		{"/", "/a/b", "/m/a/b"},
		{"/a", "/a", "/m"},
		{"/a", "/a/b", "/m/b"},
		{"/a", "/ab", ""},
		{"/", "/../x", ""},
	} {
		h := hierarchy{mount: "/m", root: test.root}
		if got, err := h.directory(test.group); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("where %s is mounted, %s is %q, %v; want %q", test.root, test.group, got, err, test.want)
		}
	}
}
