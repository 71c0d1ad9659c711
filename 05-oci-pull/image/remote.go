package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// registry is where documents and blobs of one repository come from.
type registry struct {
	ctx    context.Context
	puller *remote.Puller
	ref    name.Reference
}

func (r *registry) document(h v1.Hash) (io.ReadCloser, types.MediaType, error) {
	desc, err := r.puller.Get(r.ctx, r.ref.Context().Digest(h.String()))
	if err != nil {
		return nil, "", err
	}
	return unclosed(desc.Manifest), desc.MediaType, nil
}

func (r *registry) blob(h v1.Hash) (io.ReadCloser, error) {
	layer, err := r.puller.Layer(r.ctx, r.ref.Context().Digest(h.String()))
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// chooseFrom opens the image that the registry has under the reference.
func chooseFrom(r *registry, want v1.Platform) (*Image, error) {
	desc, err := r.puller.Get(r.ctx, r.ref)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(desc.Manifest)
	if err == nil {
		err = doc.agree(desc.MediaType)
	}
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", desc.Digest, err)
	}
	doc.digest = desc.Digest
	return newChooser(r, want).open(doc)
}

// boundDocuments lets no manifest through that is too large, in bytes or in items:
// the library would parse it as it is.
type boundDocuments struct{ http.RoundTripper }

func (b boundDocuments) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(req.URL.Path, "/manifests/") || req.Method != http.MethodGet {
		return resp, err
	}
	raw, err := readDocument(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	if _, err := parseDocument(raw); err != nil && strings.Contains(err.Error(), " more than ") {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	return resp, nil
}
