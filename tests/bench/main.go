// Bench measures lesson 6 against other programs that run containers, at starting
// them and at pulling images.
//
//	go run ./tests/bench                        # everything, some 10 minutes
//	go run ./tests/bench -quick                 # few rounds, small images, to try it
//	go run ./tests/bench -only starts/root      # one measurement, or several: a regexp
//	go run ./tests/bench -also PROGRAM          # measure a second lesson 6 beside ours
//
// It needs to be root, because it also measures root's containers. It makes the images
// and serves them itself, so it needs no network. Whole processes are measured,
// from the fork to the wait, in turn: A B C A B C. Progress goes to stderr, and the
// tables go to stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && helpers[os.Args[1]] != nil {
		finish(helpers[os.Args[1]](os.Args[2:]))
	}
	options, err := parse(os.Args[1:])
	if err != nil {
		finish(err)
	}
	if os.Geteuid() != 0 {
		finish(errors.New(`only root can measure root's containers: sudo env "PATH=$PATH" go run ./tests/bench`))
	}
	if err := enterOwnMounts(); err != nil {
		finish(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	finish(measureAll(ctx, options))
}

// finish ends the program.
func finish(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// measureAll is the benchmark's table of contents.
func measureAll(ctx context.Context, o options) (err error) {
	b := &bench{ctx: ctx, options: o}
	defer func() {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		err = errors.Join(err, b.close())
	}()
	if err := b.open(); err != nil {
		return err
	}
	b.describe()
	for _, part := range []func() error{
		b.traceInit, b.lookAtWalls, b.starts, b.growth, b.atOnce, b.pulls, b.shared,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	if o.json {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "\t")
		return encoder.Encode(b.report)
	}
	b.report.markdown(os.Stdout)
	return nil
}
