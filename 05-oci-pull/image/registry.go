package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// openRegistry asks a registry, with the credentials that `docker login` left.
func openRegistry(ctx context.Context, s string, o Options) (*Image, error) {
	ref, err := name.ParseReference(s)
	if err != nil {
		return nil, fmt.Errorf("%w\nan image is alpine, HOST/NAME:TAG, oci:DIR, docker-archive:FILE or lab", err)
	}
	if o.Mirror != "" && ref.Context().RegistryStr() == name.DefaultRegistry {
		mirrored, err := onMirror(ref, o.Mirror)
		if err != nil {
			return nil, fmt.Errorf("mirror %s: %w", o.Mirror, err)
		}
		img, err := fetch(ctx, mirrored, o.Platform)
		if missing := new(noPlatform); err == nil || ctx.Err() != nil || errors.As(err, &missing) {
			return img, err
		}
		o.Log(fmt.Sprintf("mirror %s: %s; asking Docker Hub", o.Mirror, oneLine(err)))
	}
	return fetch(ctx, ref, o.Platform)
}

// onMirror gives the name that a Docker Hub image has in a mirror: the same
// repository, in another registry.
func onMirror(ref name.Reference, mirror string) (name.Reference, error) {
	var options []name.Option
	host, plain := strings.CutPrefix(mirror, "http://")
	if plain {
		options = append(options, name.Insecure)
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/")
	registry, err := name.NewRegistry(host, options...)
	if err != nil {
		return nil, err
	}
	repository := registry.Repo(ref.Context().RepositoryStr())
	if digest, ok := ref.(name.Digest); ok {
		return repository.Digest(digest.DigestStr()), nil
	}
	return repository.Tag(ref.Identifier()), nil
}

// attempts is how often we ask for something before a fault is final.
const attempts = 3

// fetch reads index, manifest and config of one image. The client repeats a
// request that gets no answer, but not one whose answer breaks off.
func fetch(ctx context.Context, ref name.Reference, want v1.Platform) (img *Image, err error) {
	for range attempts {
		img, err = fetchOnce(ctx, ref, want)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
	}
	return img, err
}

func fetchOnce(ctx context.Context, ref name.Reference, want v1.Platform) (*Image, error) {
	puller, err := remote.NewPuller(
		remote.WithContext(ctx),
		remote.WithTransport(boundDocuments{newTransport()}),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithUserAgent("container-go"),
		// A registry's short illness is worth waiting out; its rate limit, which
		// is counted in hours, is not, so 429 is missing here.
		remote.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout),
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 3, Jitter: 0.1, Steps: attempts}),
	)
	if err != nil {
		return nil, err
	}
	img, err := chooseFrom(&registry{ctx, puller, ref}, want)
	if err != nil {
		return nil, advise(ref, err)
	}
	for i := range img.Layers {
		open := img.Layers[i].Open
		img.Layers[i].Open = func() (io.ReadCloser, error) {
			blob, err := open()
			if err != nil {
				return nil, advise(ref, err)
			}
			return blob, nil
		}
	}
	return img, nil
}

// newTransport is the HTTP client's usual one, less patient with a host that
// does not answer at all.
func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.ResponseHeaderTimeout = 30 * time.Second
	return t
}

// advise turns a registry's refusal, or its silence, into a line that says what
// happened and one that says what to do.
func advise(ref name.Reference, err error) error {
	host := ref.Context().RegistryStr()
	var refused *transport.Error
	var unreachable *net.OpError
	switch {
	case errors.As(err, &refused):
		reason := fmt.Sprintf("%d %s", refused.StatusCode, http.StatusText(refused.StatusCode))
		switch refused.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%s refuses it: %s\nthere is no such image, or it is private: see `docker login %s`", host, reason, host)
		case http.StatusNotFound:
			return fmt.Errorf("%s does not have it: %s\ncheck its name and tag", host, reason)
		case http.StatusTooManyRequests:
			return fmt.Errorf("%s has had too many requests from this address: %s\nwait, or `docker login %s`, or use a mirror: --mirror HOST", host, reason, host)
		}
		return fmt.Errorf("%s fails: %s", host, oneLine(err))
	case errors.As(err, &unreachable):
		hint := "without a network use --image=lab"
		if host == name.DefaultRegistry {
			hint += "; with a mirror nearby, --mirror HOST"
		}
		return fmt.Errorf("no connection to %s: %w\n%s", host, unreachable, hint)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the connection to %s broke: %w", host, err)
	}
	return err
}

// oneLine shortens an error to its first line.
func oneLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
