package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Blob reads a blob to its end over connections that may break. Each time it asks the
// registry, and not the host where the registry has sent us last: such addresses
// expire.
type Blob struct {
	r      *Repository
	ctx    context.Context
	cancel context.CancelFunc
	q      request
	size   int64 // -1 if not known
	offset int64 // read so far

	faults int // since the last byte
	broken int // connections lost so far

	mu     sync.Mutex // guards what Close, called from elsewhere, needs
	body   io.ReadCloser
	closed bool
}

func openBlob(ctx context.Context, r *Repository, digest v1.Hash, size int64) (*Blob, error) {
	ctx, cancel := context.WithCancel(ctx)
	q := request{what: "blob " + digest.String(), path: "blobs/" + digest.String()}
	b := &Blob{r: r, ctx: ctx, cancel: cancel, q: q, size: size}
	body, err := b.connect()
	if err != nil && !b.again(err) {
		cancel()
		return nil, err
	}
	b.body = body
	return b, nil
}

func (b *Blob) Read(p []byte) (int, error) {
	for {
		body, err := b.current()
		n := 0
		if err == nil {
			n, err = body.Read(p)
		}
		if n > 0 {
			b.offset += int64(n)
			b.faults = 0
		}
		if err == io.EOF && b.offset < b.size {
			err = &connError{b.r.host, io.ErrUnexpectedEOF}
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		b.drop()
		if b.ctx.Err() != nil {
			return n, context.Cause(b.ctx)
		}
		if !b.again(err) {
			if lost := new(connError); errors.As(err, &lost) {
				err = fmt.Errorf("after %d of %d bytes: %w", b.offset, b.size, b.r.explain(b.q, err))
			}
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// again reports, after a pause, whether a lost connection is taken up again. Each may
// bring a few bytes, so that there must be a bound for all of them.
func (b *Blob) again(err error) bool {
	if lost := new(connError); !errors.As(err, &lost) || b.faults == maxFaults || errors.As(err, new(*Error)) {
		return false
	}
	if b.broken++; int64(b.broken) > 20+b.offset/(64<<10) {
		return false
	}
	pause := b.r.Patience.Pause << b.faults
	b.faults++
	b.r.Log(fmt.Sprintf("%s: %s: asking for the rest", short(b.q.what), oneLine(err)))
	return sleep(b.ctx, pause) == nil
}

// current is the connection, made again where there is none.
func (b *Blob) current() (io.ReadCloser, error) {
	b.mu.Lock()
	body, closed := b.body, b.closed
	b.mu.Unlock()
	if closed {
		return nil, errors.New("read of a closed blob")
	}
	if body != nil {
		return body, nil
	}
	body, err := b.connect()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		body.Close()
		return nil, errors.New("read of a closed blob")
	}
	b.body = body
	return body, nil
}

// connect asks for what is missing. A server that cannot begin in the middle gives
// all of it, and we skip what we have: the bytes must be the same, or the digest will
// say so.
func (b *Blob) connect() (io.ReadCloser, error) {
	q := b.q
	q.offset = b.offset
	a, err := b.r.ask(b.ctx, q)
	if err != nil {
		return nil, err
	}
	if a.StatusCode == http.StatusPartialContent && !strings.HasPrefix(a.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", b.offset)) {
		a.Body.Close() // another part than we have asked for
		q.offset = 0
		if a, err = b.r.ask(b.ctx, q); err != nil {
			return nil, err
		}
	}
	if a.StatusCode == http.StatusPartialContent {
		return a.Body, nil
	}
	if _, err := io.CopyN(io.Discard, a.Body, b.offset); err != nil {
		a.Body.Close()
		if err == io.EOF {
			err = &connError{a.host, io.ErrUnexpectedEOF}
		}
		return nil, err
	}
	return a.Body, nil
}

func (b *Blob) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.body != nil {
		b.body.Close()
		b.body = nil
	}
}

// Close may be called while Read waits, and more than once.
func (b *Blob) Close() error {
	b.cancel()
	b.drop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}
