package pull

import (
	"context"
	"io"
)

// Reading, hashing, uncompressing and writing files each keep a processor busy. Done in
// turns they take twice as long as side by side, so each runs up to this far ahead of
// the next.
const (
	aheadChunk  = 256 << 10
	aheadChunks = 8
)

type ahead struct {
	ctx    context.Context
	read   chan chunk    // not yet seen
	full   chan chunk    // seen, not yet consumed
	free   chan []byte   // consumed
	done   chan struct{} // closed by Close
	ended  chan struct{} // closed when the reading goroutine ends
	unread []byte
	buffer []byte // what unread is part of
	err    error
}

type chunk struct {
	data []byte
	err  error
}

// readAhead reads r in a goroutine of its own. Another one writes what has been read to
// seen, before anything of it can be read here. Close waits until r is no longer used.
func readAhead(ctx context.Context, r io.Reader, seen io.Writer) *ahead {
	a := &ahead{
		ctx:   ctx,
		read:  make(chan chunk, aheadChunks),
		full:  make(chan chunk, aheadChunks),
		free:  make(chan []byte, aheadChunks),
		done:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	for range aheadChunks {
		a.free <- nil // made when it is needed: most layers are small
	}
	go a.fill(r)
	go a.show(seen)
	return a
}

// fill waits only for buffers: there are no more of them than places in a channel.
func (a *ahead) fill(r io.Reader) {
	defer close(a.ended)
	defer close(a.read)
	for {
		var buffer []byte
		select {
		case buffer = <-a.free:
		case <-a.done:
			return
		}
		if buffer == nil {
			buffer = make([]byte, aheadChunk)
		}
		n, err := 0, a.ctx.Err()
		for n < len(buffer) && err == nil {
			var more int
			more, err = r.Read(buffer[n:])
			n += more
		}
		a.read <- chunk{buffer[:n], err}
		if err != nil {
			return
		}
	}
}

func (a *ahead) show(seen io.Writer) {
	for c := range a.read {
		_, _ = seen.Write(c.data) // a hash has no errors
		a.full <- c
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	for len(a.unread) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.buffer != nil {
			a.free <- a.buffer
		}
		next := <-a.full
		a.unread, a.buffer, a.err = next.data, next.data[:cap(next.data)], next.err
	}
	n := copy(p, a.unread)
	a.unread = a.unread[n:]
	return n, nil
}

func (a *ahead) Close() error {
	close(a.done)
	<-a.ended
	return nil
}
