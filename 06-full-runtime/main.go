// Lesson 6: the full runtime.
//
// All the lessons together: pull an image (lesson 5), clone a child into new
// namespaces (1, 2, 3), enter the image's root filesystem (4) and run its
// command. Start reading at runContainer below, go on in container/pid1.go.
//
//	go run ./06-full-runtime --image=lab          # a shell, without a network
//	go run ./06-full-runtime                      # a shell in alpine:latest
//	go run ./06-full-runtime --image=debian ls /  # one command
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/interrupt"
	"example.com/container-go/05-oci-pull/janitor"
	"example.com/container-go/05-oci-pull/progress"
	"example.com/container-go/05-oci-pull/pull"
	"example.com/container-go/06-full-runtime/container"
)

// request is what the command line asks for.
type request struct {
	ref      string
	options  image.Options
	userNS   bool
	hostname string
	args     []string
}

func main() {
	r, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		say(err.Error() + "\nsee --help")
		os.Exit(container.StatusFailed)
	}
	status, err := runContainer(r)
	if err != nil {
		say(err.Error())
	}
	os.Exit(status)
}

// say tells the user something. Stdout is for the command alone.
func say(text string) { fmt.Fprintln(os.Stderr, "06-full-runtime: "+text) }

func parse(args []string) (request, error) {
	var r request
	flags := pflag.NewFlagSet("06-full-runtime", pflag.ContinueOnError)
	flags.SortFlags = false
	// What follows the first argument that is not a flag is the command's.
	flags.SetInterspersed(false)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "Usage: 06-full-runtime [flags] [COMMAND [ARG...]]\n%s", flags.FlagUsages())
	}
	chosen := image.AddFlags(flags)
	flags.BoolVar(&r.userNS, "userns", false, "run in a user namespace, where root has no rights over the host; always so when not root")
	flags.StringVarP(&r.hostname, "hostname", "h", "shadman-lab", "`NAME` of the container")
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	r.ref, r.args = chosen.Ref, flags.Args()
	var err error
	r.options, err = chosen.Options(say)
	return r, err
}

// runContainer is the runtime's table of contents.
func runContainer(r request) (status int, err error) {
	if os.Geteuid() != 0 && !r.userNS {
		say("not root: using a user namespace (--userns)")
		r.userNS = true
	}
	dir, err := janitor.NewDir(os.TempDir(), "container-go-*")
	if err != nil {
		return container.StatusFailed, err
	}
	defer func() {
		if removeErr := dir.Remove(); err == nil {
			err = removeErr
		}
	}()
	rootfs := filepath.Join(dir.Path, "rootfs")
	img, status, err := download(r, rootfs)
	if err != nil {
		return status, err
	}
	args := command(img, r.args)
	if len(args) == 0 {
		return container.StatusFailed, fmt.Errorf("image %s names no command to run\nname one after the flags", r.ref)
	}
	say("Using clone approach for namespace creation")
	return container.Run(container.Config{
		Rootfs:   rootfs,
		Hostname: r.hostname,
		Args:     args,
		Env:      img.Config.Config.Env,
		WorkDir:  img.Config.Config.WorkingDir,
		User:     img.Config.Config.User,
		UserNS:   r.userNS,
		Terminal: container.AtTerminal(),
	}, dir.KillFirst)
}

// download makes rootfs out of the image. A signal ends it early.
func download(r request, rootfs string) (img *image.Image, status int, err error) {
	ctx, stop := interrupt.Context()
	say(fmt.Sprintf("Downloading and unpacking %s to %s", r.ref, rootfs))
	if img, err = image.Open(ctx, r.ref, r.options); err == nil {
		if err = pull.MakeRoot(rootfs); err == nil {
			err = pull.Unpack(ctx, img, rootfs, progress.New(os.Stderr))
		}
	}
	stop()
	if status, interrupted := interrupt.Status(ctx); interrupted {
		return nil, status, errors.New("interrupted")
	}
	return img, container.StatusFailed, err
}

// command is what to run: the image's entrypoint, then the arguments given, or
// else the image's own (image-spec config.md).
func command(img *image.Image, args []string) []string {
	if len(args) == 0 {
		args = img.Config.Config.Cmd
	}
	return append(append([]string{}, img.Config.Config.Entrypoint...), args...)
}
