package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"example.com/container-go/05-oci-pull/interrupt"
	"example.com/container-go/06-full-runtime/container"
	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/fetch"
	"example.com/container-go/06-full-runtime/idmap"
	"example.com/container-go/06-full-runtime/store"
)

// run is the runtime's table of contents.
func run(r request) (status int, err error) {
	if r.explain {
		explain.To(os.Stderr, "parent", false)
	}
	ids, err := chooseIDs(r.userNS)
	if err != nil {
		return container.StatusFailed, err
	}
	images, err := store.Open(r.store, ids)
	if err != nil {
		return container.StatusFailed, err
	}
	ctx, stop := interrupt.Context()
	own, img, err := prepare(ctx, r, images)
	stop()
	if own != nil {
		defer func() {
			if removeErr := own.Remove(); err == nil {
				err = removeErr
			}
		}()
	}
	if status, interrupted := interrupt.Status(ctx); interrupted {
		return status, errors.New("interrupted")
	}
	if err != nil {
		return container.StatusFailed, err
	}
	config, err := configure(r, img, own)
	if err != nil {
		return container.StatusFailed, err
	}
	group, err := limit(own, r.limits)
	if err != nil {
		return container.StatusFailed, err
	}
	config.CgroupFD = group.FD()
	config.Map = ids
	for _, id := range img.Layers {
		config.Layers = append(config.Layers, images.LayerTree(id))
	}
	say("Using clone approach for namespace creation")
	return container.Run(config, own.Born)
}

// chooseIDs chooses who the container's users are on the host.
func chooseIDs(userNS bool) (idmap.Map, error) {
	if os.Geteuid() == 0 && !userNS {
		return idmap.Map{}, nil
	}
	ids, single, err := idmap.Choose()
	remark := ""
	if single != "" {
		remark = "with no user but root, as " + single
	}
	switch {
	case os.Geteuid() != 0 && !userNS && remark != "":
		say("not root: using a user namespace (--userns), " + remark)
	case os.Geteuid() != 0 && !userNS:
		say("not root: using a user namespace (--userns)")
	case remark != "":
		say("--userns: " + remark)
	}
	return ids, err
}

// prepare finds the image, or fetches it, and makes a directory for a container of
// it.
func prepare(ctx context.Context, r request, images *store.Store) (*store.Container, *store.Image, error) {
	if err := store.Sweep(r.store); err != nil {
		say(err.Error()) // which is no reason not to run
	}
	release, err := images.Share(ctx, func() { say("waiting for --prune to end") })
	if err != nil {
		return nil, nil, err
	}
	defer release()
	img, err := find(ctx, r, images)
	if err != nil {
		return nil, nil, err
	}
	own, err := images.NewContainer(img.Layers)
	return own, img, err
}

// find does what --pull says. Files on this machine are looked at each time: they
// may have changed, and it takes no network.
func find(ctx context.Context, r request, images *store.Store) (*store.Image, error) {
	local := store.IsLocal(r.ref)
	if r.pull == "never" || r.pull == "missing" && !local {
		if img := images.Image(store.Canonical(r.ref), r.options.Platform.String()); img != nil {
			return img, nil
		}
		if r.pull == "never" {
			return nil, fmt.Errorf("image %s is not in %s, and --pull=never", r.ref, images.Dir)
		}
	}
	return fetch.Image(ctx, images, r.ref, r.options)
}

// configure puts together what the image says and what the user says, who is
// right where both say something (image-spec config.md, docker-run(1)).
func configure(r request, img *store.Image, own *store.Container) (container.Config, error) {
	c := container.Config{
		Dir:       own.Dir,
		Hostname:  r.hostname,
		Env:       slices.Concat(img.Env, r.env),
		WorkDir:   img.WorkingDir,
		User:      img.User,
		ReadOnly:  r.readOnly,
		NoNetwork: r.network == "none",
		Init:      r.init,
		Explain:   r.explain,
		Terminal:  r.terminal,
	}
	if r.workDir != "" {
		c.WorkDir = r.workDir
	}
	if r.user != "" {
		c.User = r.user
	}
	// Arguments replace the image's command; another entrypoint also clears it.
	entrypoint, cmd := img.Entrypoint, img.Cmd
	if r.entrypoint != nil {
		entrypoint, cmd = nil, nil
		if *r.entrypoint != "" {
			entrypoint = []string{*r.entrypoint}
		}
	}
	if len(r.args) > 0 {
		cmd = r.args
	}
	c.Args = slices.Concat(entrypoint, cmd)
	if len(c.Args) == 0 {
		return c, fmt.Errorf("image %s names no command to run\nname one after the flags", r.ref)
	}
	names, err := nameFiles(own, r.hostname, r.readOnly)
	c.Mounts = slices.Concat(names, r.mounts)
	return c, err
}
