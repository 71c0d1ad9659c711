package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"example.com/container-go/tests/bench/starter"
)

const hostname = "shadman-lab" // as lesson 6 has it

// nameFiles are the files of /etc that lesson 6 mounts over the image's.
var nameFiles = []string{"hosts", "hostname", "resolv.conf"}

// rootfs makes the root filesystem that peers without images get: lab, unpacked by
// lesson 5 and given to the container's root, below an overlay that is already
// mounted. It is made once for each user.
func (b *bench) rootfs(w who) (string, error) {
	dir, err := b.home(w)
	if err != nil {
		return "", err
	}
	target := filepath.Join(dir, "rootfs")
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	lower := filepath.Join(dir, "lab")
	if _, err := b.once(starter.Command{Args: []string{b.programs.pull, "--image=lab", "--output=" + lower}, Env: b.environment(root)}); err != nil {
		return "", err
	}
	for _, name := range []string{"upper", "work", "rootfs", "files"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return "", err
		}
	}
	for _, name := range nameFiles {
		if err := os.WriteFile(filepath.Join(dir, "files", name), []byte(hostname+"\n"), 0o644); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"lab", "upper", "work", "files"} {
		if err := give(filepath.Join(dir, name), w.rootID()); err != nil {
			return "", err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,volatile", lower, filepath.Join(dir, "upper"), filepath.Join(dir, "work"))
	if err := unix.Mount("overlay", target, "overlay", 0, options); err != nil {
		return "", fmt.Errorf("mount overlay on %s: %w", target, err)
	}
	return target, nil
}

// give makes a user the owner of a tree.
func give(tree string, id int) error {
	return filepath.WalkDir(tree, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, id, id)
	})
}

// bundle writes a bundle that runs a command behind our walls, and returns its
// directory.
func (b *bench) bundle(l launch) (string, error) {
	rootfs, err := b.rootfs(l.who)
	if err != nil {
		return "", err
	}
	spec, err := newSpec(l.who, rootfs, filepath.Join(b.dir, l.who.key, "files"), l.args)
	if err != nil {
		return "", err
	}
	content, err := json.Marshal(spec)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.dir, l.who.key, "bundle")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "config.json"), content, 0o644)
}

// newSpec is a config.json with the walls and mounts of lesson 6 and no others.
func newSpec(w who, rootfs, files string, args []string) (*specs.Spec, error) {
	kept := ourWalls.capabilities
	filter, err := ourWalls.filter()
	if err != nil {
		return nil, err
	}
	spec := &specs.Spec{
		Version: "1.0.2", // which old runtimes know
		Root:    &specs.Root{Path: rootfs},
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
			Capabilities:    &specs.LinuxCapabilities{Bounding: kept, Effective: kept, Permitted: kept},
			NoNewPrivileges: ourWalls.noNewPrivileges,
		},
		Hostname: hostname,
		Mounts:   mountsFor(w, files),
		Linux: &specs.Linux{
			UIDMappings: w.ids, GIDMappings: w.ids,
			MaskedPaths: ourWalls.masked, ReadonlyPaths: ourWalls.readonly, Seccomp: filter,
		},
	}
	kinds := ourWalls.namespaces
	if len(w.ids) > 0 {
		kinds = append([]specs.LinuxNamespaceType{specs.UserNamespace}, kinds...)
	}
	for _, kind := range kinds {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
	}
	return spec, nil
}

// mountsFor are our mounts as this user can make them, and the files of /etc.
func mountsFor(w who, files string) []specs.Mount {
	mounts := slices.Clone(ourWalls.mounts)
	for i := range mounts {
		if mounts[i].Type == "sysfs" && len(w.ids) > 0 {
			mounts[i] = boundSys
		}
		if len(w.ids) == 1 && w.ids[0].Size == 1 {
			mounts[i].Options = slices.DeleteFunc(slices.Clone(mounts[i].Options), func(o string) bool { return o == terminalGroup })
		}
	}
	for _, name := range nameFiles {
		mounts = append(mounts, specs.Mount{Destination: "/etc/" + name, Type: "bind", Source: filepath.Join(files, name), Options: []string{"bind"}})
	}
	return mounts
}
