package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/interrupt"
	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/05-oci-pull/progress"
	"example.com/container-go/05-oci-pull/pull"
	"example.com/container-go/06-full-runtime/container"
)

// run is the runtime's table of contents.
func run(r request) (status int, err error) {
	if os.Geteuid() != 0 && !r.userNS {
		say("not root: using a user namespace (--userns)")
		r.userNS = true
	}
	ctx, stop := interrupt.Context()
	dir, err := janitor.NewDir(os.TempDir(), "container-go-*")
	if err != nil {
		return container.StatusFailed, err
	}
	defer func() {
		if removeErr := dir.Remove(); err == nil {
			err = removeErr
		}
	}()
	group, err := limit(dir.Path, r.limits)
	if err != nil {
		return container.StatusFailed, err
	}
	defer func() {
		if removeErr := group.Remove(); err == nil {
			err = removeErr
		}
	}()
	rootfs := filepath.Join(dir.Path, "rootfs")
	img, err := download(ctx, r, rootfs)
	stop()
	if status, interrupted := interrupt.Status(ctx); interrupted {
		return status, errors.New("interrupted")
	}
	if err != nil {
		return container.StatusFailed, err
	}
	config, err := configure(r, img, rootfs)
	if err != nil {
		return container.StatusFailed, err
	}
	names, err := nameFiles(dir.Path, r.hostname)
	if err != nil {
		return container.StatusFailed, err
	}
	config.Mounts = slices.Concat(names, r.mounts)
	config.CgroupFD = group.FD()
	say("Using clone approach for namespace creation")
	return container.Run(config, dir.KillFirst)
}

// download makes rootfs out of the image.
func download(ctx context.Context, r request, rootfs string) (*image.Image, error) {
	say(fmt.Sprintf("Downloading and unpacking %s to %s", r.ref, rootfs))
	img, err := image.Open(ctx, r.ref, r.options)
	if err != nil {
		return nil, err
	}
	if err := pull.MakeRoot(rootfs); err != nil {
		return nil, err
	}
	return img, pull.Unpack(ctx, img, rootfs, progress.New(os.Stderr))
}

// configure puts together what the image says and what the user says, who is
// right where both say something (image-spec config.md, docker-run(1)).
func configure(r request, img *image.Image, rootfs string) (container.Config, error) {
	own := img.Config.Config
	c := container.Config{
		Rootfs:    rootfs,
		Hostname:  r.hostname,
		Env:       slices.Concat(own.Env, r.env),
		WorkDir:   own.WorkingDir,
		User:      own.User,
		UserNS:    r.userNS,
		ReadOnly:  r.readOnly,
		NoNetwork: r.noNetwork,
		Terminal:  r.terminal || container.AtTerminal(),
	}
	if r.workDir != nil {
		c.WorkDir = *r.workDir
	}
	if r.user != nil {
		c.User = *r.user
	}
	// Arguments replace the image's command; another entrypoint also clears it.
	entrypoint, cmd := own.Entrypoint, own.Cmd
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
	return c, nil
}
