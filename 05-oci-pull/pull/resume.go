package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
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
	if r.size < 0 {
		return 0, errors.New("the image does not say how many bytes this has")
	}
	for {
		blob, err := r.connect()
		n := 0
		if err == nil {
			n, err = blob.Read(p)
			r.offset += int64(n)
			if err == io.EOF && r.offset < r.size {
				err = io.ErrUnexpectedEOF
			}
			if err != nil && err != io.EOF {
				err = fmt.Errorf("after %d of %d bytes: %w", r.offset, r.size, err)
			}
		}
		switch {
		case r.offset > r.size:
			return n, fmt.Errorf("longer than the %d bytes that the image says", r.size)
		case err == nil || !isConnection(err) || r.broken == retries:
			return n, err
		}
		r.disconnect()
		select {
		case <-r.ctx.Done():
			return n, r.ctx.Err()
		case <-time.After(firstWait << r.broken):
		}
		r.broken++
		if n > 0 {
			return n, nil
		}
	}
}

// isConnection reports whether the next connection may do better: an error of
// the network, but not a registry's answer, and not one of a local file.
func isConnection(err error) bool {
	var request *url.Error
	var network *net.OpError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &request) || errors.As(err, &network)
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
