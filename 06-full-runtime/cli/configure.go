package cli

import (
	"fmt"
	"slices"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/store"
)

// Configure puts together what the image says and what the user says, who is
// right where both say something (image-spec config.md, docker-run(1)).
func (r *Request) Configure(img *store.Image) (config.Config, error) {
	c := config.Config{
		Hostname:     r.Hostname,
		Env:          slices.Concat(img.Env, r.Env),
		WorkDir:      img.WorkingDir,
		User:         img.User,
		Mounts:       r.Mounts,
		ReadOnly:     r.ReadOnly,
		NoNetwork:    r.Network == "none",
		Init:         r.Init,
		Explain:      r.Explain,
		Terminal:     r.Terminal,
		Capabilities: r.Capabilities,
		NoNewPrivs:   r.NoNewPrivs,
		Unmasked:     r.Unmasked,
	}
	// A volume of the image is a directory of the container, so it has the image's
	// content, owner and mode, and goes with the container. The user's mounts come after
	// it, and count if they have the same target.
	var volumes []config.Mount
	for _, target := range img.Volumes {
		volumes = append(volumes, config.Mount{Target: target, Own: true})
	}
	c.Mounts = append(volumes, r.Mounts...)
	if r.WorkDir != "" {
		c.WorkDir = r.WorkDir
	}
	if r.User != "" {
		c.User = r.User
	}
	// Arguments replace the image's command; another entrypoint also clears it.
	entrypoint, cmd := img.Entrypoint, img.Cmd
	if r.Entrypoint != nil {
		entrypoint, cmd = nil, nil
		if *r.Entrypoint != "" {
			entrypoint = []string{*r.Entrypoint}
		}
	}
	if len(r.Args) > 0 {
		cmd = r.Args
	}
	c.Args = slices.Concat(entrypoint, cmd)
	if len(c.Args) == 0 {
		return c, &config.Failure{Name: "find the command to run", Err: fmt.Errorf("image %s names no command to run", r.Ref)}
	}
	return c, nil
}
