package registry

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// watched is the body of an answer. A host that falls silent is given up: TCP alone
// would wait for hours, if the host is gone and nobody says so.
type watched struct {
	r      *Repository
	host   string
	ctx    context.Context
	cancel context.CancelCauseFunc
	body   io.ReadCloser

	begun  bool
	spent  time.Duration // waited for the next least bytes
	got    int           // of them
	warned atomic.Bool
}

// least is how many bytes must come before the patience with silence is renewed. A
// byte a minute would keep us for years.
const least = 16 << 10

// silence is the error of a host that sent too little for too long.
type silence struct {
	host  string
	after time.Duration
}

func (e *silence) Error() string {
	return fmt.Sprintf("%s has sent next to nothing for %v", e.host, e.after)
}

// await ends the request if nothing ends the wait before. After a while it says that
// we are waiting.
func (w *watched) await(limit time.Duration) (stop func()) {
	end := time.AfterFunc(limit-w.spent, func() { w.cancel(&silence{w.host, limit}) })
	if w.warned.Load() {
		return func() { end.Stop() }
	}
	remark := time.AfterFunc(w.r.Patience.Remark, func() {
		w.warned.Store(true)
		w.r.Log(fmt.Sprintf("%s has sent nothing for %v: waiting", w.host, w.r.Patience.Remark))
	})
	return func() { end.Stop(); remark.Stop() }
}

// cause is why the request ended, if it was we who ended it.
func (w *watched) cause(err error) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

func (w *watched) Read(p []byte) (int, error) {
	limit := w.r.Patience.Silence
	if !w.begun {
		limit = w.r.Patience.Answer
	}
	start := time.Now()
	stop := w.await(limit)
	n, err := w.body.Read(p)
	stop()
	w.spent += time.Since(start)
	if w.got += n; w.got >= least || n > 0 && !w.begun {
		w.begun, w.got, w.spent = true, 0, 0
	}
	if err != nil && err != io.EOF {
		err = &connError{w.host, w.cause(err)}
	}
	return n, err
}

// Close may be called while Read waits.
func (w *watched) Close() error {
	w.cancel(context.Canceled)
	return w.body.Close()
}
