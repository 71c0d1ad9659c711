package pull

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"example.com/container-go/05-oci-pull/image"
)

// While a layer is applied, at most this many layers are fetched or wait on disk, and
// together they have at most maxWaiting bytes. What does not fit is fetched at its turn.
const (
	maxAhead   = 3
	maxWaiting = 1 << 30
)

// FetchAhead returns the same layers, to be opened in order. Opening one that comes over
// a network begins to fetch the next ones. They wait as they are, compressed, in files
// in dir that have no name. When ctx is done, nothing is fetched any more.
func FetchAhead(ctx context.Context, layers []image.Layer, dir string) []image.Layer {
	all := make([]*waiting, len(layers))
	ahead := make([]image.Layer, len(layers))
	for i, l := range layers {
		all[i], ahead[i] = &waiting{Layer: l}, l
		ahead[i].Open = func() (io.ReadCloser, error) {
			room := int64(maxWaiting)
			for _, w := range all[i:min(i+1+maxAhead, len(all))] {
				if w.Size < 0 || w.Size > room {
					break
				}
				room -= w.Size
				if w != all[i] {
					w.start(ctx, dir)
				}
			}
			return all[i].take(ctx)
		}
	}
	return ahead
}

// A waiting is a layer that is fetched before its turn.
type waiting struct {
	image.Layer
	file *os.File // nil unless it is being fetched, or has been
	// taken ends fetching: what is not in the file by then is read from the connection.
	taken atomic.Bool
	ended chan struct{} // closed when fetch does no more
	from  io.ReadCloser // the connection
	err   error         // how it ended, if it has
}

func (w *waiting) start(ctx context.Context, dir string) {
	if !w.Remote || w.file != nil || w.taken.Load() {
		return
	}
	file, err := os.CreateTemp(dir, ".ahead-*")
	if err != nil { // then it is fetched at its turn
		return
	}
	_ = os.Remove(file.Name())
	w.file, w.ended = file, make(chan struct{})
	go w.fetch(ctx)
}

func (w *waiting) fetch(ctx context.Context) {
	defer close(w.ended)
	file := w.file
	context.AfterFunc(ctx, func() { file.Close() })
	from, err := w.Open()
	if err != nil {
		w.err = err
		return
	}
	context.AfterFunc(ctx, func() { from.Close() }) // ends a Read that waits
	w.from = from
	buf := make([]byte, 128<<10)
	// A blob that is longer than it should be is an error, but not one to fill a disk.
	for size := int64(0); w.err == nil && size <= w.Size && !w.taken.Load(); {
		n, err := from.Read(buf)
		size += int64(n)
		if _, failed := file.Write(buf[:n]); failed != nil {
			err = failed
		}
		w.err = err
	}
}

// take opens the layer: what has been fetched, and then the rest. If that failed, for
// want of disk space perhaps, or if this is not the first time, it is fetched anew.
func (w *waiting) take(ctx context.Context) (io.ReadCloser, error) {
	if w.taken.Swap(true) || w.file == nil {
		return w.Open()
	}
	select {
	case <-w.ended:
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := &fetched{file: w.file, from: w.from}
	if w.err == nil || w.err == io.EOF {
		_, err := w.file.Seek(0, io.SeekStart)
		b.Reader = io.MultiReader(w.file, w.from)
		return b, err
	}
	b.Close()
	return w.Open()
}

// A fetched is a blob whose beginning is in a file.
type fetched struct {
	io.Reader
	file *os.File
	from io.ReadCloser // nil if there was no connection
}

func (f *fetched) Close() error {
	err := f.file.Close()
	if f.from != nil {
		err = errors.Join(err, f.from.Close())
	}
	return err
}
