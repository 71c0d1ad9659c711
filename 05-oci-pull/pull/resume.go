package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// retries is how often a layer's connection may break before we give up, and
// firstWait how long we wait after the first time, then twice as long each.
const (
	retries   = 3
	firstWait = 300 * time.Millisecond
)

// resuming reads a blob to its end over connections that may break. It opens the
// blob again and skips what it has: the bytes must be the same, or the digest
// will say so.
type resuming struct {
	ctx    context.Context
	open   func() (io.ReadCloser, error)
	size   int64 // of the blob, in bytes
	offset int64 // read so far
	broken int   // connections lost so far

	mu     sync.Mutex // guards what Close, called from elsewhere, needs
	blob   io.ReadCloser
	closed bool
}

func (r *resuming) Read(p []byte) (int, error) {
	for {
		blob, err := r.connect()
		n := 0
		if err == nil {
			n, err = blob.Read(p)
			r.offset += int64(n)
		}
		switch {
		case r.offset > r.size:
			return n, fmt.Errorf("longer than the %d bytes the image says", r.size)
		case err == io.EOF && r.offset < r.size:
			err = io.ErrUnexpectedEOF
		case err == nil || err == io.EOF:
			return n, err
		}
		if r.broken == retries || !isConnection(err) || r.ctx.Err() != nil {
			return n, fmt.Errorf("read after %d of %d bytes: %w", r.offset, r.size, err)
		}
		r.disconnect()
		select {
		case <-r.ctx.Done():
		case <-time.After(firstWait << r.broken):
		}
		r.broken++
		if n > 0 {
			return n, nil
		}
	}
}

// isConnection reports whether err may be gone with the next connection.
func isConnection(err error) bool {
	var network net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// connect returns the blob, opened and read up to offset.
func (r *resuming) connect() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errors.New("read of a closed blob")
	}
	if r.blob != nil {
		return r.blob, nil
	}
	blob, err := r.open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, blob, r.offset); err != nil {
		blob.Close()
		return nil, err
	}
	r.blob = blob
	return blob, nil
}

func (r *resuming) disconnect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blob != nil {
		r.blob.Close()
		r.blob = nil
	}
}

// Close may be called while Read waits, and more than once.
func (r *resuming) Close() error {
	r.disconnect()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}
