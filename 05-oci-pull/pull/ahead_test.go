package pull

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/progress"
)

// targetFunc is a target that is no root filesystem.
type targetFunc func(io.Reader) error

func (f targetFunc) Apply(_ context.Context, stream io.Reader) error { return f(stream) }

var discard = targetFunc(func(stream io.Reader) error { _, err := io.Copy(io.Discard, stream); return err })

func applied(t *testing.T, l image.Layer, target Target) error {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	_, err = Apply(t.Context(), l, target, progress.New(null).Start("", 0))
	return err
}

// A remote is a layer that counts how often it is opened, and how much is read.
type remote struct{ opened, read atomic.Int64 }

func (r *remote) layer(t *testing.T) image.Layer {
	plain := archive(t)
	blob := gzipped(t, plain)
	l := layer(t, blob, plain)
	l.Remote = true
	l.Open = func() (io.ReadCloser, error) {
		r.opened.Add(1)
		return io.NopCloser(counting{bytes.NewReader(blob), &r.read}), nil
	}
	return l
}

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// fetchAhead is FetchAhead, to be ended before the test's bubble.
func fetchAhead(t *testing.T, layers []image.Layer, dir string) []image.Layer {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return FetchAhead(ctx, layers, dir)
}

// While the first layer is applied, the next three that come over a network are fetched.
func TestTheNextLayersAreFetchedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remotes := make([]remote, 6)
		var layers []image.Layer
		for i := range remotes {
			layers = append(layers, remotes[i].layer(t))
		}
		layers[2].Remote = false
		dir := t.TempDir()
		ahead := fetchAhead(t, layers, dir)
		err := applied(t, ahead[0], targetFunc(func(stream io.Reader) error {
			synctest.Wait() // until nothing moves any more
			for i, want := range []bool{true, true, false, true, false, false} {
				if got := remotes[i].read.Load() == layers[i].Size; got != want {
					t.Errorf("while the first layer is applied, layer %d of 6 has been fetched: %v, want %v", i, got, want)
				}
			}
			if names, _ := os.ReadDir(dir); len(names) > 0 {
				t.Errorf("what waits should have no names, but one is %v", names[0])
			}
			return discard(stream)
		}))
		for i, l := range ahead[1:] {
			err = errors.Join(err, applied(t, l, discard))
			if n := remotes[i+1].opened.Load(); n != 1 {
				t.Errorf("layer %d was asked for %d times, want once", i+1, n)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// What waits on disk is bounded, whatever sizes an image claims.
func TestWhatWaitsIsBounded(t *testing.T) {
	for name, size := range map[string]int64{"large": maxWaiting, "no size": -1, "overflow": 1<<63 - 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var remotes [3]remote
				layers := []image.Layer{remotes[0].layer(t), remotes[1].layer(t), remotes[2].layer(t)}
				layers[1].Size = size
				ahead := fetchAhead(t, layers, t.TempDir())
				if err := applied(t, ahead[0], discard); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if n := remotes[1].opened.Load() + remotes[2].opened.Load(); n > 0 {
					t.Errorf("a layer of %d bytes, or the one after it, should not wait on disk", size)
				}
			})
		})
	}
	t.Run("longer than it says", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var first remote
			l := layer(t, nil, nil)
			l.Size, l.Remote = 1000, true
			var endless atomic.Int64
			l.Open = func() (io.ReadCloser, error) { return io.NopCloser(counting{forever{}, &endless}), nil }
			ahead := fetchAhead(t, []image.Layer{first.layer(t), l}, t.TempDir())
			if err := applied(t, ahead[0], discard); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := endless.Load(); n == 0 || n > 1<<20 {
				t.Errorf("of a layer of 1,000 bytes %d were fetched", n)
			}
			if err := applied(t, ahead[1], discard); err == nil || !strings.Contains(err.Error(), "longer than") {
				t.Errorf("a layer that is longer than it says: %v", err)
			}
		})
	})
}

func TestWhatWaitedIsCheckedToo(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*image.Layer)
		want   string
	}{
		"another digest":  {func(l *image.Layer) { l.Digest = l.DiffID }, "digest is"},
		"another diff ID": {func(l *image.Layer) { l.DiffID = l.Digest }, "diff ID is"},
		"longer":          {func(l *image.Layer) { l.Size-- }, "longer than"},
		"broken off":      {func(l *image.Layer) { l.Size++ }, "unexpected EOF"},
		"not there":       {func(l *image.Layer) { l.Open = func() (io.ReadCloser, error) { return nil, errors.New("no such") } }, "no such"},
	} {
		t.Run(what, inBubble(func(t *testing.T) {
			var remotes [2]remote
			layers := []image.Layer{remotes[0].layer(t), remotes[1].layer(t)}
			c.change(&layers[1])
			ahead := fetchAhead(t, layers, t.TempDir())
			if err := applied(t, ahead[0], discard); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := applied(t, ahead[1], discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("a layer that lies was applied: error %v, want one with %q", err, c.want)
			}
		}))
	}
}

// What cannot be fetched ahead is fetched at its turn.
func TestFetchingAheadMayFail(t *testing.T) {
	for _, why := range []string{"no directory", "no connection", "broken connection"} {
		t.Run(why, inBubble(func(t *testing.T) {
			var remotes [2]remote
			layers := []image.Layer{remotes[0].layer(t), remotes[1].layer(t)}
			dir, open := t.TempDir(), layers[1].Open
			first := true
			switch why {
			case "no directory":
				dir = "/nowhere"
			default:
				layers[1].Open = func() (io.ReadCloser, error) {
					if first {
						first = false
						if why == "no connection" {
							return nil, errors.New("busy")
						}
						return &breaking{gzipped(t, archive(t)), 100, errors.New("gone")}, nil
					}
					return open()
				}
			}
			ahead := fetchAhead(t, layers, dir)
			if err := applied(t, ahead[0], discard); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := applied(t, ahead[1], discard); err != nil {
				t.Errorf("the second layer: %v", err)
			}
		}))
	}
}

// A stuck is a connection on which nothing comes after data until more does.
type stuck struct {
	data   io.Reader
	more   chan []byte
	closed chan struct{}
	ended  atomic.Bool
}

func (s *stuck) Read(p []byte) (int, error) {
	if n, err := s.data.Read(p); err == nil {
		return n, nil
	}
	select {
	case data, ok := <-s.more:
		if !ok {
			return 0, io.EOF
		}
		return copy(p, data), nil
	case <-s.closed:
		return 0, os.ErrClosed
	}
}

func (s *stuck) Close() error {
	if !s.ended.Swap(true) {
		close(s.closed)
	}
	return nil
}

// A layer whose turn comes before all of it is there is read on from the connection.
func TestALayerIsReadOnWhereFetchingStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var remotes [2]remote
		layers := []image.Layer{remotes[0].layer(t), remotes[1].layer(t)}
		blob := gzipped(t, archive(t))
		s := &stuck{data: bytes.NewReader(blob[:100]), more: make(chan []byte), closed: make(chan struct{})}
		layers[1].Open = func() (io.ReadCloser, error) { return s, nil }
		ahead := fetchAhead(t, layers, t.TempDir())
		if err := applied(t, ahead[0], discard); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the first 100 bytes are on disk
		begun := make(chan struct{})
		go func() {
			synctest.Wait() // until Open waits for the bytes that are being read
			s.more <- blob[100:101]
			<-begun
			for _, c := range blob[101:] {
				s.more <- []byte{c}
			}
			close(s.more)
		}()
		b, err := ahead[1].Open()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		got := make([]byte, 101)
		if _, err := io.ReadFull(b, got); err != nil {
			t.Fatal(err)
		}
		close(begun)
		rest, err := io.ReadAll(b)
		if got = append(got, rest...); err != nil || !bytes.Equal(got, blob) {
			t.Errorf("read %d bytes, %v; want the %d of the blob", len(got), err, len(blob))
		}
	})
}

// After an error in one layer nothing is fetched, and nothing waits for a network.
func TestFetchingEndsWithThePull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first remote
		layers := []image.Layer{first.layer(t)}
		for range 3 {
			s := &stuck{data: bytes.NewReader(nil), closed: make(chan struct{})}
			l := layers[0]
			l.Open = func() (io.ReadCloser, error) { return s, nil }
			layers = append(layers, l)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ahead := FetchAhead(ctx, layers, t.TempDir())
		if err := applied(t, ahead[0], discard); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel() // the bubble ends only when all goroutines have
		if _, err := ahead[1].Open(); !errors.Is(err, context.Canceled) {
			t.Errorf("a layer was opened after the end of the pull: %v", err)
		}
	})
}

func TestCancelEndsAStreamWithoutEntries(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := layer(t, nil, nil)
	l.Size = 1 << 60
	l.Open = func() (io.ReadCloser, error) { return io.NopCloser(forever{}), nil }
	null, _ := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	defer null.Close()
	_, err := Apply(ctx, l, targetFunc(func(stream io.Reader) error { cancel(); return nil }), progress.New(null).Start("", 0))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Apply said %v", err)
	}
}

type forever struct{}

func (forever) Read(p []byte) (int, error) { clear(p); return len(p), nil }
