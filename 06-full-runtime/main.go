// Lesson 6: the full runtime.
//
// All the lessons together: pull an image (lesson 5), clone a child into new
// namespaces (1, 2, 3), enter the image's root filesystem (4) and run its
// command. Start reading at run, and go on in inside/pid1.go.
//
//	go run ./06-full-runtime --image=lab          # a shell, without a network
//	go run ./06-full-runtime                      # a shell in alpine:latest
//	go run ./06-full-runtime --image=debian ls /  # one command
package main

import (
	"context"
	"errors"
	"os"

	"example.com/container-go/05-oci-pull/interrupt"
	"example.com/container-go/06-full-runtime/advice"
	"example.com/container-go/06-full-runtime/cli"
	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/container"
	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/fetch"
	_ "example.com/container-go/06-full-runtime/inside" // PID 1's half begins in its init function
	"example.com/container-go/06-full-runtime/seccomp"
	"example.com/container-go/06-full-runtime/state"
	"example.com/container-go/06-full-runtime/store"
	"example.com/container-go/06-full-runtime/userns"
)

func main() {
	r, err := cli.Parse(os.Args[1:])
	if err != nil {
		cli.Say(advice.Hint(err, false))
		os.Exit(config.StatusFailed)
	}
	if r == nil { // --help
		return
	}
	do := run
	if r.Images || r.Prune != "" {
		do = keepHouse
	}
	status, err := do(r)
	if err != nil {
		cli.Say(advice.Hint(err, r.UserNS || os.Geteuid() != 0))
	}
	os.Exit(status)
}

// run is the runtime's table of contents: the ids, the image, the container's state,
// the container itself, and its removal.
func run(r *cli.Request) (status int, err error) {
	if r.Explain {
		explain.To(os.Stderr, "parent", explain.Start(), false)
	}
	ids, single, err := userns.Choose(r.UserNS)
	if err != nil {
		return config.StatusFailed, err
	}
	r.SayUserNS(single)
	status, err = runAs(r, ids)
	if program := userns.Refused(err); program != "" {
		cli.Say(err.Error() + ": going on with no user but root")
		status, err = runAs(r, userns.Single())
	}
	return status, err
}

// runAs does what run says with these ids.
func runAs(r *cli.Request, ids userns.Map) (status int, err error) {
	images, err := store.Open(r.Store, ids)
	if err != nil {
		return config.StatusFailed, err
	}
	own, img, err := prepare(r, images)
	if own != nil {
		defer func() {
			removeErr := explain.Step(own.Remove(), "nothing of the container is left", "rmdir", "%s", own.Dir)
			if err == nil && removeErr != nil {
				err = errors.New(removeErr.Error()) // not for Refused: the command has run
			}
		}()
	}
	if status, interrupted := interrupt.Of(err); interrupted {
		return status, errors.New("interrupted")
	}
	if err != nil {
		return config.StatusFailed, err
	}
	_ = explain.Step(nil, "the image is in the store, and this is where its container may write", "mkdir", "%s", own.Dir)
	c, err := r.Configure(img)
	if err != nil {
		return config.StatusFailed, err
	}
	c.Dir = own.Dir
	c.UserNS = !ids.None()
	for i, line := range ids.Lines() {
		c.MoreIDs[i] = config.IDLine(line)
	}
	c.Layers = images.Trees(img)
	if !r.Unfiltered {
		c.Filter = seccomp.Filter(c.Capabilities)
	}
	group, err := own.Limit(r.Limits)
	if err != nil {
		return config.StatusFailed, err
	}
	cli.Say("Using clone approach for namespace creation")
	status, err = container.Run(c, container.Host{IDs: ids, CgroupFD: group.FD(), Born: own.Born})
	if hint := advice.For(cli.Lacking(c, status), c.UserNS && !c.NoNetwork); hint != "" && err == nil {
		cli.Say(hint)
	}
	return status, err
}

// prepare makes a directory for a container of the image, which is pulled if the store
// does not have it.
func prepare(r *cli.Request, images *store.Store) (*state.Container, *store.Image, error) {
	if err := state.Sweep(r.Store); err != nil {
		cli.Say(err.Error()) // which is no reason not to run
	}
	want := fetch.Wanted{Ref: r.Ref, Options: r.Options, Pull: r.Pull}
	if release, _ := images.TryShare(); release != nil {
		defer release()
		if img := fetch.Stored(images, want); img != nil {
			own, err := state.New(images, img.Layers)
			return own, img, err
		}
	}
	// From here on we may wait, and a signal must end that.
	ctx, stop := interrupt.Context()
	own, img, err := pull(ctx, want, images)
	stop()
	if _, interrupted := interrupt.Status(ctx); interrupted {
		err = context.Cause(ctx)
	}
	return own, img, err
}

func pull(ctx context.Context, want fetch.Wanted, images *store.Store) (*state.Container, *store.Image, error) {
	release, err := images.Share(ctx, func() { cli.Say("waiting for --prune to end") })
	if err != nil {
		return nil, nil, err
	}
	defer release()
	img, err := fetch.Find(ctx, images, want)
	if err != nil {
		return nil, nil, err
	}
	own, err := state.New(images, img.Layers)
	return own, img, err
}

// keepHouse does what --prune and --images ask for, and runs nothing.
func keepHouse(r *cli.Request) (status int, err error) {
	ctx, stop := interrupt.Context()
	defer stop()
	stores, err := store.OpenAll(r.Store)
	if err == nil && r.Prune != "" {
		err = prune(ctx, r, stores)
	}
	if status, interrupted := interrupt.Status(ctx); interrupted {
		return status, errors.New("interrupted")
	}
	if err == nil && r.Images {
		err = cli.List(stores)
	}
	if err != nil {
		return config.StatusFailed, err
	}
	return 0, nil
}

func prune(ctx context.Context, r *cli.Request, stores []*store.Store) error {
	var all []store.Pruned
	for _, s := range stores {
		inUse := func() (map[string]bool, error) { return state.LayersInUse(s) }
		pruned, err := s.Prune(ctx, r.Prune == "all", inUse, func() { cli.Say("waiting for runs that are pulling an image") })
		if err != nil {
			return err
		}
		all = append(all, pruned)
	}
	cli.Removed(all...)
	return nil
}
