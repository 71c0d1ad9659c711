// Lesson 5: an image becomes a root filesystem.
//
// An image is a list of tar archives and a config that says how to run them.
// We fetch both, unpack the archives one over the other and print the directory
// that they make. No namespaces here: it is only files.
//
//	go run ./05-oci-pull                   # alpine:latest, into /tmp/rootfs-*
//	go run ./05-oci-pull --image=lab       # without a network
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/interrupt"
	"example.com/container-go/05-oci-pull/printable"
	"example.com/container-go/05-oci-pull/progress"
	"example.com/container-go/05-oci-pull/pull"
	"example.com/container-go/05-oci-pull/staging"
	"example.com/container-go/05-oci-pull/unpack"
)

func main() {
	flags := pflag.NewFlagSet("05-oci-pull", pflag.ContinueOnError)
	flags.SortFlags = false
	chosen := image.AddFlags(flags)
	output := flags.String("output", "", "`DIR` to make (default a new /tmp/rootfs-*)")
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q: this lesson runs no command", flags.Arg(0))
	}
	var options image.Options
	if err == nil {
		options, err = chosen.Options(say)
	}
	if err != nil {
		say(err.Error() + "\nsee --help")
		os.Exit(2)
	}

	// A signal ends the pull as an error does, which leaves nothing behind.
	ctx, stop := interrupt.Context()
	defer stop()
	dir, err := pullTo(ctx, *output, chosen.Ref, options)
	if status, interrupted := interrupt.Status(ctx); err != nil && interrupted {
		say("interrupted")
		os.Exit(status)
	}
	if err == nil {
		if _, err = fmt.Println(dir); err != nil {
			_ = unpack.RemoveAll(dir) // nobody knows its name
		}
	}
	if err != nil {
		say(err.Error())
		os.Exit(1)
	}
}

// say tells the user something. Stdout is for the directory alone.
func say(text string) { fmt.Fprintln(os.Stderr, "05-oci-pull: "+printable.Text(text)) }

// pullTo makes output, or a new directory where that is empty, and returns its
// name. It appears under that name only when it is complete.
func pullTo(ctx context.Context, output, ref string, o image.Options) (string, error) {
	parent := os.TempDir()
	if output != "" {
		if err := vacant(output); err != nil {
			return "", err
		}
		parent = filepath.Dir(filepath.Clean(output))
	}
	img, err := image.Open(ctx, ref, o)
	if err != nil {
		return "", err
	}
	defer img.Close()
	// In the same directory as output, so that a rename can bring it there.
	dir, err := staging.New(parent, ".rootfs-")
	if err != nil {
		return "", err
	}
	defer dir.Remove()
	rootfs := filepath.Join(dir.Path, "rootfs")
	if err := pull.MakeRoot(rootfs); err != nil {
		return "", err
	}
	if !unpack.PreservesOwners() {
		say("not root: every file will be yours, and there will be no device files")
	}
	if err := pull.Unpack(ctx, img, rootfs, dir.Path, progress.New(os.Stderr)); err != nil {
		return "", err
	}
	if output == "" {
		// Everybody can reach /tmp, but an image's setuid programs are not for
		// everybody (compare CVE-2021-41091).
		if err := os.Chmod(rootfs, 0o700); err != nil {
			return "", err
		}
		output = filepath.Join(parent, strings.TrimPrefix(filepath.Base(dir.Path), "."))
	}
	return output, dir.Keep("rootfs", output)
}

// vacant reports whether a pull may put a directory there.
func vacant(dir string) error {
	if here, err := os.Getwd(); err == nil && filepath.Clean(dir) == "." || dir == here {
		return fmt.Errorf("%s is the working directory\nname another one, which need not exist", dir)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err == nil || errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("%s is there already", dir)
	}
	return fmt.Errorf("%w\nname a directory that does not exist, or is empty", err)
}
