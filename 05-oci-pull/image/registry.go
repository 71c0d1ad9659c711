package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"example.com/container-go/05-oci-pull/registry"
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
		img, err := fetch(ctx, mirrored, o, strings.HasPrefix(o.Mirror, "http://"))
		if missing := new(noPlatform); err == nil || ctx.Err() != nil || errors.As(err, &missing) {
			return img, err
		}
		o.Log(fmt.Sprintf("mirror %s: %s; asking Docker Hub", o.Mirror, oneLine(err)))
	}
	return fetch(ctx, ref, o, false)
}

// onMirror gives the name that a Docker Hub image has in a mirror: the same
// repository, in another registry.
func onMirror(ref name.Reference, mirror string) (name.Reference, error) {
	host := strings.TrimPrefix(strings.TrimPrefix(mirror, "http://"), "https://")
	mirrored, err := name.NewRegistry(strings.TrimSuffix(host, "/"))
	if err != nil {
		return nil, err
	}
	repository := mirrored.Repo(ref.Context().RepositoryStr())
	if digest, ok := ref.(name.Digest); ok {
		return repository.Digest(digest.DigestStr()), nil
	}
	return repository.Tag(ref.Identifier()), nil
}

// fetch reads index, manifest and config of one image.
func fetch(ctx context.Context, ref name.Reference, o Options, plain bool) (*Image, error) {
	r := &remote{ctx, registry.Open(ctx, ref.Context(), registry.Options{Plain: plain, Log: o.Log})}
	img, err := r.open(ref, o.Platform)
	if err != nil {
		r.Close()
		return nil, err
	}
	img.close = func() error { r.Close(); return nil }
	return img, nil
}

// remote is where documents and blobs of one repository come from.
type remote struct {
	ctx context.Context
	*registry.Repository
}

func (r *remote) document(h v1.Hash) (io.ReadCloser, types.MediaType, error) {
	raw, says, err := r.Manifest(r.ctx, h.String(), maxDocument)
	return unclosed(raw), types.MediaType(says), err
}

func (r *remote) blob(h v1.Hash, size int64) (io.ReadCloser, error) {
	return r.Blob(r.ctx, h, size)
}

// open opens the image that the registry has under the reference.
func (r *remote) open(ref name.Reference, want v1.Platform) (*Image, error) {
	raw, says, err := r.Manifest(r.ctx, ref.Identifier(), maxDocument)
	if err == nil {
		_, err = readDocument(unclosed(raw))
	}
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(unclosed(raw))
	if err != nil {
		return nil, err
	}
	if asked, ok := ref.(name.Digest); ok {
		if digest, err = v1.NewHash(asked.DigestStr()); err != nil {
			return nil, err
		}
		if err := verify("manifest", raw, digest); err != nil {
			return nil, err
		}
	}
	doc, err := parseDocument(raw)
	if err == nil {
		err = doc.agree(types.MediaType(says))
	}
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", digest, err)
	}
	doc.digest = digest
	return newChooser(r, want).open(doc)
}

// oneLine shortens an error to its first line.
func oneLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}
