package main

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const probed = `Name:	cat
CapEff:	0000000000000421
NoNewPrivs:	1
Seccomp:	2
80 42 0:44 / / rw,relatime - overlay overlay rw,lowerdir=/x
67 80 0:40 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
68 67 0:5 /null /proc/keys rw,nosuid - devtmpfs devtmpfs rw
69 67 0:40 /sys /proc/sys ro,nosuid - proc proc rw
70 80 0:27 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw
71 80 0:41 / /dev rw,nosuid - tmpfs tmpfs rw
lrwxrwxrwx 1 root root 0 Nov 26 06:39 mnt -> mnt:[4026532177]
lrwxrwxrwx 1 root root 0 Nov 26 06:39 net -> net:[4026531833]
`

func TestParseProbe(t *testing.T) {
	p := parseProbe(probed)
	if p.effective != 0x421 || !p.filtered || !p.noNewPrivs {
		t.Errorf("capabilities %x, seccomp %v, no_new_privs %v; want 421, true, true", p.effective, p.filtered, p.noNewPrivs)
	}
	host := map[string]string{"mnt": "mnt:[1]", "net": "net:[4026531833]", "uts": "uts:[1]"}
	for name, want := range map[string]bool{"mnt": true, "net": false, "uts": false} {
		if got := p.own(name, host); got != want {
			t.Errorf("own %s namespace: %v, want %v", name, got, want)
		}
	}
	if got, want := p.below(), []string{"/proc/keys", "/proc/sys (ro)"}; !slices.Equal(got, want) {
		t.Errorf("covered paths %v, want %v", got, want)
	}
	if _, ok := p.mounts["/dev"]; !ok {
		t.Error("the mount of /dev was not seen")
	}
}

func TestContradiction(t *testing.T) {
	p := parseProbe(probed)
	host := map[string]string{"mnt": "mnt:[1]", "net": "net:[4026531833]"}
	same := walls{
		namespaces:   []specs.LinuxNamespaceType{specs.MountNamespace},
		capabilities: []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"},
		seccomp:      true, masked: []string{"/proc/keys"}, noNewPrivileges: true,
	}
	if got := p.contradiction(same, host); got != "" {
		t.Errorf("the same walls differ: %s", got)
	}
	for word, change := range map[string]func(*walls){
		"namespace uts":    func(w *walls) { w.namespaces = append(w.namespaces, specs.UTSNamespace) },
		"capabilities":     func(w *walls) { w.capabilities = w.capabilities[1:] },
		"seccomp":          func(w *walls) { w.seccomp = false },
		"no_new_privs":     func(w *walls) { w.noNewPrivileges = false },
		"masked and":       func(w *walls) { w.masked = nil },
		"namespace mnt":    func(w *walls) { w.namespaces = nil },
		"capabilities: 3,": func(w *walls) { w.capabilities = []string{} },
	} {
		other := same
		change(&other)
		if got := p.contradiction(other, host); !strings.Contains(got, word) {
			t.Errorf("%q is not in %q", word, got)
		}
	}
}

func TestParseInit(t *testing.T) {
	packages, clock, bytes := parseInit(`init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs
init net/http @4.5 ms, 0.25 ms clock, 14080 bytes, 97 allocs
container: not PID 1
init os @4.9 ms, 0.05 ms clock, 20 bytes, 1 allocs
`)
	if packages != 3 || clock < 0.000299 || clock > 0.000301 || bytes != 14100 {
		t.Errorf("%d packages, %v s, %v bytes; want 3, 0.0003 s, 14100 bytes", packages, clock, bytes)
	}
}
