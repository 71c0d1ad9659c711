// Package registry reads manifests and blobs from a registry over HTTP, as the
// distribution specification says: GET /v2/NAME/manifests/TAG and
// GET /v2/NAME/blobs/DIGEST.
//
// That is simple, and most of this package is about the rest: tokens that other hosts
// give out and that expire, blobs that are elsewhere, connections that break or fall
// silent, servers with too much to do, and registries that are not honest. Nothing that
// comes from here was checked against a digest; the reader must do that.
package registry

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options say how a registry is asked. The zero value means the usual way.
type Options struct {
	// Plain uses HTTP without TLS only.
	Plain bool
	// Log takes remarks for the user, a line each.
	Log func(string)
	// Patience is how long we wait.
	Patience Patience
}

// Patience is how long we wait for what.
type Patience struct {
	Dial     time.Duration // for a connection, and again for its TLS
	Answer   time.Duration // for an answer to begin: some registries fetch the blob first
	Silence  time.Duration // for more of an answer
	Document time.Duration // for the whole of a manifest or of a token
	Remark   time.Duration // until we say that we are waiting
	Busy     time.Duration // altogether, when the registry asks to come back later
	Pause    time.Duration // after the first fault; then twice as long each
	Helper   time.Duration // for a credential helper
}

var usual = Patience{
	Dial:     10 * time.Second,
	Answer:   3 * time.Minute,
	Silence:  time.Minute,
	Document: 5 * time.Minute,
	Remark:   10 * time.Second,
	Busy:     time.Minute,
	Pause:    300 * time.Millisecond,
	Helper:   20 * time.Second,
}

// Repository is a repository of a registry. Its methods may be called at once.
type Repository struct {
	Options
	name   name.Repository
	host   string // HOST or HOST:PORT, as the user knows it
	client *http.Transport
	login  func() login // asks for the user's credentials once

	loggingIn sync.Mutex // by one request at a time

	mu      sync.Mutex
	scheme  string            // "" as long as https was not tried
	logins  map[string]string // Authorization headers, by origin
	reached bool              // the registry has answered
	private bool              // and from a private address
}

// Open prepares requests to a repository. Nothing is asked for yet, but the user's
// credentials, by a program that may be slow.
func Open(ctx context.Context, repository name.Repository, o Options) *Repository {
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Patience == (Patience{}) {
		o.Patience = usual
	}
	r := &Repository{
		Options: o,
		name:    repository,
		host:    repository.RegistryStr(),
		logins:  map[string]string{},
	}
	r.client = newTransport(r)
	if o.Plain {
		r.scheme = "http"
	} else if repository.Scheme() == "https" {
		r.scheme = "https"
	}
	r.login = sync.OnceValue(func() login { return r.findLogin(ctx) })
	go r.login()
	return r
}

// Close gives up the connections.
func (r *Repository) Close() { r.client.CloseIdleConnections() }

// accepted are the types of manifests and indexes.
const accepted = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " +
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"

// Manifest reads a manifest or an index, by its tag or digest, and what the registry
// says of its type. Of more than most bytes it returns most+1.
func (r *Repository) Manifest(ctx context.Context, identifier string, most int64) (raw []byte, mediaType string, err error) {
	q := request{what: "manifest " + identifier, path: "manifests/" + identifier, accept: accepted, isManifest: true}
	raw, header, err := r.read(ctx, q, most)
	r.login() // what is wrong with the user's files is told once, with the first answer
	if err != nil {
		return nil, "", err
	}
	return raw, header.Get("Content-Type"), nil
}

// url is that of a request, and gives the scheme that the registry speaks.
func (r *Repository) url(path string) *url.URL {
	r.mu.Lock()
	defer r.mu.Unlock()
	scheme := r.scheme
	if scheme == "" {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: r.host, Path: "/v2/" + r.name.RepositoryStr() + "/" + path}
}

// Blob opens a blob of a size, which may be -1 if that is not known.
func (r *Repository) Blob(ctx context.Context, digest v1.Hash, size int64) (*Blob, error) {
	return openBlob(ctx, r, digest, size)
}
