package main

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The peers' walls come from ourWalls, and no others.
func TestSpec(t *testing.T) {
	for _, w := range everyone {
		spec, err := newSpec(w, "/rootfs", "/files", []string{"true"})
		if err != nil {
			t.Fatal(err)
		}
		has := func(kind specs.LinuxNamespaceType) bool {
			return slices.ContainsFunc(spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
		}
		if got, want := has(specs.UserNamespace), w.key != root.key; got != want {
			t.Errorf("%s: user namespace %v, want %v", w.key, got, want)
		}
		for _, kind := range ourWalls.namespaces {
			if !has(kind) {
				t.Errorf("%s: no %s namespace", w.key, kind)
			}
		}
		if has(specs.NetworkNamespace) {
			t.Errorf("%s: a network namespace, which lesson 6 does not have by default", w.key)
		}
		terminals := spec.Mounts[slices.IndexFunc(spec.Mounts, func(m specs.Mount) bool { return m.Type == "devpts" })]
		if got, want := slices.Contains(terminals.Options, terminalGroup), w.key != user.key; got != want {
			t.Errorf("%s: devpts with %s: %v, want %v", w.key, terminalGroup, got, want)
		}
		last := spec.Mounts[len(spec.Mounts)-1]
		if last.Source != "/files/resolv.conf" || last.Destination != "/etc/resolv.conf" {
			t.Errorf("%s: the last mount is %v, want resolv.conf", w.key, last)
		}
	}
}

func TestSpecFollowsWalls(t *testing.T) {
	saved := ourWalls
	defer func() { ourWalls = saved }()
	ourWalls.capabilities = []string{"CAP_KILL"}
	ourWalls.masked = []string{"/proc/keys"}
	ourWalls.readonly = []string{"/proc/sys"}
	ourWalls.noNewPrivileges = true
	spec, err := newSpec(root, "/rootfs", "/files", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string][]string{"bounding": spec.Process.Capabilities.Bounding,
		"effective": spec.Process.Capabilities.Effective, "permitted": spec.Process.Capabilities.Permitted} {
		if !slices.Equal(set, ourWalls.capabilities) {
			t.Errorf("%s capabilities %v, want %v", name, set, ourWalls.capabilities)
		}
	}
	if !slices.Equal(spec.Linux.MaskedPaths, ourWalls.masked) || !slices.Equal(spec.Linux.ReadonlyPaths, ourWalls.readonly) {
		t.Errorf("masked %v, read-only %v", spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths)
	}
	if !spec.Process.NoNewPrivileges {
		t.Error("no_new_privs is missing")
	}
}
