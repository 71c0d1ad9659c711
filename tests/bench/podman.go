package main

import (
	"os"
	"path/filepath"

	"example.com/container-go/tests/bench/starter"
)

// podman is a podman command with its storage below a directory.
func (b *bench) podman(w who, dir string, args ...string) starter.Command {
	line := []string{"podman", "--root", filepath.Join(dir, "storage"), "--runroot", filepath.Join(dir, "run"),
		"--storage-driver", "overlay", "--cgroup-manager", "cgroupfs"}
	return b.as(w, append(line, args...)...)
}

// podmanPull pulls an image from our registry, which has no TLS.
func (b *bench) podmanPull(w who, dir, ref string) starter.Command {
	return b.podman(w, dir, "pull", "--quiet", "--tls-verify=false", ref)
}

func (b *bench) podmanRun(l launch) (starter.Command, error) {
	ref, err := b.images.small()
	if err != nil {
		return starter.Command{}, err
	}
	home, err := b.home(l.who)
	if err != nil {
		return starter.Command{}, err
	}
	dir := filepath.Join(home, "podman")
	if key := dir + " " + ref; !b.stores[key] {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return starter.Command{}, err
		}
		if err := os.Chown(dir, l.who.id, l.who.id); err != nil {
			return starter.Command{}, err
		}
		if _, err := b.once(b.podmanPull(l.who, dir, ref)); err != nil {
			return starter.Command{}, err
		}
		b.stores[key] = true
	}
	args := []string{"run", "--rm", "--pull=never", "--network=host", "--hostname", hostname, "--cgroups=disabled",
		// The default limits may be higher than ours, which only CAP_SYS_RESOURCE may raise.
		"--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"}
	args = append(args, podmanWalls()...)
	if l.who.key == userns.key {
		for _, m := range l.who.ids {
			args = append(args, "--uidmap="+idMapText(m), "--gidmap="+idMapText(m))
		}
	}
	return b.podman(l.who, dir, append(append(args, ref), l.args...)...), nil
}

// podmanWalls are the options that give podman's container our walls. Its seccomp
// filter and the paths that it masks are much the same as ours.
func podmanWalls() []string {
	args := []string{"--cap-drop=ALL"}
	for _, name := range ourWalls.capabilities {
		args = append(args, "--cap-add="+name)
	}
	if !ourWalls.seccomp {
		args = append(args, "--security-opt=seccomp=unconfined")
	}
	if len(ourWalls.masked) == 0 && len(ourWalls.readonly) == 0 {
		args = append(args, "--security-opt=unmask=ALL")
	}
	if ourWalls.noNewPrivileges {
		args = append(args, "--security-opt=no-new-privileges")
	}
	return args
}
