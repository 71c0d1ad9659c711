// Package interrupt turns the signals that ask a program to end into the end of
// a context, so that what it has begun is undone as after an error.
package interrupt

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// Signal is the cause of a context that a signal has ended.
type Signal struct{ syscall.Signal }

func (s Signal) Error() string { return "interrupted: " + s.String() }

// Context returns a context that the first SIGINT, SIGTERM, SIGHUP or SIGQUIT ends, and a
// function that gives signals their usual effect again; one that came before is
// known to Status then. Those that are ignored stay so: nohup(1) means it. The
// second signal always has its usual effect.
func Context() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s, more := <-signals; more {
			signal.Stop(signals)
			cancel(Signal{s.(syscall.Signal)})
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		<-done
		cancel(nil)
	}
}

// Status is the exit status of a program that a signal has interrupted, 128+n as
// in a shell, and whether one has.
func Status(ctx context.Context) (status int, interrupted bool) {
	return Of(context.Cause(ctx))
}

// Of is Status for an error that wraps the cause of a context's end.
func Of(err error) (status int, interrupted bool) {
	var s Signal
	if errors.As(err, &s) {
		return 128 + int(s.Signal), true
	}
	return 0, false
}
