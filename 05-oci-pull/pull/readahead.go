package pull

import "io"

// Uncompressing and writing files each keep a processor busy. Done in turns they
// take a third longer than side by side, so the first runs up to this far ahead.
const (
	aheadChunk  = 256 << 10
	aheadChunks = 8
)

type ahead struct {
	full   chan chunk    // read, not yet consumed
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

// readAhead reads r in a goroutine of its own. Close waits until that no longer
// touches r.
func readAhead(r io.Reader) *ahead {
	a := &ahead{
		full:  make(chan chunk, aheadChunks),
		free:  make(chan []byte, aheadChunks),
		done:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	for range aheadChunks {
		a.free <- make([]byte, aheadChunk)
	}
	go a.fill(r)
	return a
}

func (a *ahead) fill(r io.Reader) {
	defer close(a.ended)
	for {
		var buffer []byte
		select {
		case buffer = <-a.free:
		case <-a.done:
			return
		}
		n, err := 0, error(nil)
		for n < len(buffer) && err == nil {
			var more int
			more, err = r.Read(buffer[n:])
			n += more
		}
		a.full <- chunk{buffer[:n], err} // never blocks: there are no more buffers than places
		if err != nil {
			return
		}
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
