package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The tests have no credentials of whoever runs them, and trust httptest's certificate.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "registry-test-")
	if err != nil {
		panic(err)
	}
	server := httptest.NewTLSServer(nil)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	server.Close()
	if err := os.WriteFile(filepath.Join(dir, "roots.pem"), roots, 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", filepath.Join(dir, "roots.pem"))
	os.Setenv("SSL_CERT_DIR", dir)
	os.Setenv("HOME", dir)
	for _, key := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HTTP_PROXY", "HTTPS_PROXY"} {
		os.Unsetenv(key)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// quick is the patience of these tests.
var quick = Patience{
	Dial: 5 * time.Second, Answer: time.Second, Silence: 150 * time.Millisecond, Document: 5 * time.Second,
	Remark: 50 * time.Millisecond, Busy: 1500 * time.Millisecond, Pause: time.Millisecond, Helper: 500 * time.Millisecond,
}

// content is what the registries have, as a blob and as a manifest.
var content = func() []byte {
	b := make([]byte, 100_000)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(b)
	return b
}()

func digest() v1.Hash {
	sum := sha256.Sum256(content)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// fake is a registry, or a host where one sends us.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	logged   []string
	*Repository
}

// serve starts a fake whose answer depends on how often it was asked before.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *fake {
	return start(t, answer, (*httptest.Server).Start)
}

// serveTLS is serve with TLS and HTTP/2.
func serveTLS(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *fake {
	return start(t, answer, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
}

func start(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request), begin func(*httptest.Server)) *fake {
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		n := len(f.requests)
		f.requests = append(f.requests, r)
		f.mu.Unlock()
		answer(n, w, r)
	}))
	f.Config.ErrorLog = discard
	begin(f.Server)
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Server.Close()
	})
	repository, err := name.NewRepository(f.host() + "/app")
	if err != nil {
		t.Fatal(err)
	}
	f.Repository = Open(t.Context(), repository, Options{Patience: quick, Log: func(line string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.logged = append(f.logged, line)
	}})
	t.Cleanup(f.Repository.Close)
	return f
}

func (f *fake) host() string {
	_, host, _ := strings.Cut(f.URL, "://")
	return host
}

// asked is how many requests there were, and log what the user was told.
func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *fake) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.logged, "\n")
}

// secrets are the Authorization headers that came.
func (f *fake) secrets() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, r := range f.requests {
		all = append(all, r.Header.Get("Authorization"))
	}
	return strings.Join(all, "|")
}

// pull reads the blob.
func (f *fake) pull(ctx context.Context) (string, error) {
	blob, err := f.Blob(ctx, digest(), int64(len(content)))
	if err != nil {
		return "", err
	}
	defer blob.Close()
	got, err := io.ReadAll(blob)
	return string(got), err
}

// wantBlob pulls the blob, which must come whole.
func (f *fake) wantBlob(t *testing.T) {
	t.Helper()
	got, err := f.pull(t.Context())
	if err != nil || got != string(content) {
		t.Errorf("%d bytes of the blob came, want %d: %v\nsaid: %s", len(got), len(content), err, f.log())
	}
}

// wantError pulls the blob in vain. The error has one line, or two, with these texts.
func (f *fake) wantError(t *testing.T, texts ...string) {
	t.Helper()
	_, err := f.pull(t.Context())
	if err == nil {
		t.Errorf("the pull should fail with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error should say %q:\n%v", text, err)
		}
	}
	if strings.Count(err.Error(), "\n") > 1 {
		t.Errorf("the error should have two lines at most:\n%v", err)
	}
}

// wantLog checks what the user was told.
func (f *fake) wantLog(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(f.log(), text) {
		t.Errorf("the user should be told %q, and was told %q", text, f.log())
	}
}

// give answers with the blob, from where the request's Range says.
func give(w http.ResponseWriter, r *http.Request) { giveUntil(w, r, len(content)) }

// giveUntil answers with the blob and drops the connection before its byte end.
func giveUntil(w http.ResponseWriter, r *http.Request, end int) {
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	giveFrom(w, from, end)
}

func giveFrom(w http.ResponseWriter, from, end int) {
	w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(content[from:max(from, end)])
	_ = http.NewResponseController(w).Flush()
	if end < len(content) {
		panic(http.ErrAbortHandler)
	}
}
