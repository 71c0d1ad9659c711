package tests

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// testRegistry is a registry in this process, reached over HTTP, that can be
// told to fail.
type testRegistry struct {
	host string // HOST:PORT

	mu       sync.Mutex
	requests []string // METHOD PATH, since the last push
	fault    func(w http.ResponseWriter, r *http.Request, healthy http.Handler)
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	healthy := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		fault := r.fault
		r.requests = append(r.requests, req.Method+" "+req.URL.Path)
		r.mu.Unlock()
		if fault != nil {
			fault(w, req, healthy)
		} else {
			healthy.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// push stores an image or an index, and returns its reference.
func (r *testRegistry) push(t *testing.T, repository string, what any) string {
	t.Helper()
	ref, err := name.ParseReference(r.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	switch what := what.(type) {
	case v1.Image:
		err = remote.Write(ref, what)
	case v1.ImageIndex:
		err = remote.WriteIndex(ref, what)
	default:
		t.Fatalf("cannot push a %T", what)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.requests = nil
	r.mu.Unlock()
	return ref.String()
}

// fail has every request whose path contains a text answered by f from now on.
func (r *testRegistry) fail(path string, f func(w http.ResponseWriter, req *http.Request, healthy http.Handler)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = func(w http.ResponseWriter, req *http.Request, healthy http.Handler) {
		if strings.Contains(req.URL.Path, path) {
			f(w, req, healthy)
		} else {
			healthy.ServeHTTP(w, req)
		}
	}
}

// afterBytes returns a channel that is closed when a number of bytes has been served
// from now on, by requests whose path contains a text.
func (r *testRegistry) afterBytes(path string, n int) <-chan struct{} {
	reached := make(chan struct{})
	var served atomic.Int64
	r.fail(path, func(w http.ResponseWriter, req *http.Request, healthy http.Handler) {
		healthy.ServeHTTP(countingWriter{w, func(wrote int) {
			if total := served.Add(int64(wrote)); total > int64(n) && total-int64(wrote) <= int64(n) {
				close(reached)
			}
		}}, req)
	})
	return reached
}

// countingWriter reports how much was written.
type countingWriter struct {
	http.ResponseWriter
	wrote func(int)
}

// partSize is how much is written at a time: large blobs take many parts.
const partSize = 4096

func (w countingWriter) Write(p []byte) (n int, err error) {
	for part := range slices.Chunk(p, partSize) {
		m, err := w.ResponseWriter.Write(part)
		w.wrote(m)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// asked tells how many requests had a text in their method and path.
func (r *testRegistry) asked(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, request := range r.requests {
		if strings.Contains(request, text) {
			n++
		}
	}
	return n
}

// status answers with an HTTP status.
func status(code int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
}

// cutAfter answers truthfully, but drops the connection after n bytes.
func cutAfter(n int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, req *http.Request, healthy http.Handler) {
		answer := httptest.NewRecorder()
		healthy.ServeHTTP(answer, req)
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.Header().Set("Content-Length", answer.Header().Get("Content-Length"))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:min(n, answer.Body.Len())])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
