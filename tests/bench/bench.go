package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"example.com/container-go/tests/bench/starter"
)

// bench is what the measurements share.
type bench struct {
	ctx      context.Context
	options  options
	dir      string // everything that we make is below it
	self     string // our own program
	programs programs
	images   *images
	starter  *starter.Starter
	report   report
	stores   map[string]bool // that hold their images, by their directories
	count    int             // of containers that were named
}

// groupPrefix begins the names of our containers, and so of their control groups.
func groupPrefix() string { return fmt.Sprintf("container-go-bench-%d-", os.Getpid()) }

// containerName is a name that no other container has.
func (b *bench) containerName() string {
	b.count++
	return fmt.Sprintf("%s%d", groupPrefix(), b.count)
}

// open makes all that measurements need. The directory is removed by the starter,
// which outlives us if we are killed.
func (b *bench) open() error {
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.options.dir, "cg-bench-") // podman allows 50 bytes for a path below it
	if err != nil {
		return err
	}
	if b.dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	if b.starter, err = starter.New(b.dir, filepath.Join(cgroupRoot, groupPrefix()+"*")); err != nil {
		return err
	}
	// A run in progress ends when the starter stops.
	context.AfterFunc(b.ctx, b.starter.Stop)
	// Ordinary users must be able to reach what is inside.
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.addAccount(); err != nil {
		return err
	}
	if err := mountCgroup2(); err != nil {
		return err
	}
	b.stores = map[string]bool{}
	b.say("building the lessons")
	if b.programs, err = b.build(); err != nil {
		return err
	}
	b.images, err = newImages(b.options.files)
	return err
}

// close ends what still runs and removes everything.
func (b *bench) close() error {
	if b.images != nil {
		b.images.close()
	}
	if b.starter == nil {
		return nil
	}
	b.starter.Stop()
	err := b.starter.Wait()
	// If we were interrupted, we may have written files after it had removed the others.
	return errors.Join(err, starter.RemoveTree(b.dir))
}

// say tells the user on stderr what is going on.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// once runs a program that is not measured.
func (b *bench) once(c starter.Command) (starter.Result, error) {
	if err := b.ctx.Err(); err != nil {
		return starter.Result{}, err
	}
	results, _, err := b.starter.Run(c)
	if err != nil {
		return starter.Result{}, err
	}
	return results[0], failure(results[0], c)
}

// failure is the error of a program that failed, with the last line that it printed.
func failure(r starter.Result, c starter.Command) error {
	if r.Status == 0 {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(r.Output), "\n")
	return fmt.Errorf("%s: status %d: %s", filepath.Base(c.Args[0]), r.Status, lines[len(lines)-1])
}

// rest waits until the disk has written what earlier programs left it to write.
func rest() { unix.Sync() }
