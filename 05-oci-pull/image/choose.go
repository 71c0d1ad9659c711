package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"example.com/container-go/05-oci-pull/printable"
)

// blobs is where documents and layers come from. It need not check anything.
type blobs interface {
	// document opens a manifest or an index, and tells the type that is said of it.
	document(v1.Hash) (io.ReadCloser, types.MediaType, error)
	// blob opens a config or a layer of a size in bytes.
	blob(digest v1.Hash, size int64) (io.ReadCloser, error)
}

// maxDocuments is how many manifests and indexes we look at for one image.
const maxDocuments = 100

// A chooser finds the image for a platform among what an index lists, which may be
// indexes in turn.
type chooser struct {
	from   blobs
	want   v1.Platform
	looked map[v1.Hash]bool
}

func newChooser(from blobs, want v1.Platform) *chooser {
	return &chooser{from, want, map[v1.Hash]bool{}}
}

// read reads the document that a descriptor leads to, and checks it.
func (c *chooser) read(desc descriptor) (*document, error) {
	digest := desc.Digest.Hash
	if c.looked[digest] = true; len(c.looked) > maxDocuments {
		return nil, fmt.Errorf("has more than %d manifests to look at", maxDocuments)
	}
	what := "manifest"
	if desc.MediaType.IsIndex() {
		what = "index"
	}
	r, says, err := c.from.document(digest)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", what, digest, err)
	}
	defer r.Close()
	raw, err := readDocument(r)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", what, digest, err)
	}
	if err := verify(what, raw, digest); err != nil {
		return nil, err
	}
	doc, err := parseDocument(raw)
	if err == nil {
		err = errors.Join(doc.agree(says), doc.agreeWith(desc))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, digest, oneOf(err))
	}
	doc.digest = digest
	return doc, nil
}

// open opens what a document is, an image or an index.
func (c *chooser) open(doc *document) (*Image, error) {
	if doc.isIndex {
		return c.choose(doc.manifests, "")
	}
	if err := doc.checkImage(); err != nil {
		return nil, err
	}
	return c.fromManifest(doc)
}

// choose opens the image for the platform. Of several the best counts, and of equals
// the first, as for Docker; unless they go by different names, which where is for: it
// says where they are.
func (c *chooser) choose(all []descriptor, where string) (*Image, error) {
	missing := &noPlatform{want: c.want}
	var other error // the first that is no image
	type candidate struct {
		descriptor
		rank int
	}
	var candidates []candidate
	for _, desc := range all {
		rank := 0
		if p := desc.Platform; p != nil && p.OS+p.Architecture != "" {
			have := p.normalize()
			if rank = fit(have, c.want); rank < 0 {
				missing.have = append(missing.have, have)
				continue
			}
		}
		if isVague := desc.MediaType == "" || !strings.HasPrefix(string(desc.MediaType), "application/vnd."); !isKnown(desc.MediaType) && !isVague {
			if other == nil {
				other = &notImage{printable.Line(string(desc.MediaType))}
			}
			continue
		}
		candidates = append(candidates, candidate{desc, rank})
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.rank - b.rank })

	var found *Image
	var names []string
	best := -1
	for _, candidate := range candidates {
		digest := candidate.Digest.Hash
		if found != nil && (where == "" || found.digest == digest || candidate.rank > best) {
			continue
		}
		if c.looked[digest] {
			continue // it was of no use before
		}
		img, err := c.openDescriptor(candidate.descriptor)
		if inner := new(noPlatform); errors.As(err, &inner) {
			missing.have = append(missing.have, inner.have...)
			continue
		}
		if artifact := new(notImage); errors.As(err, &artifact) {
			if other == nil {
				other = artifact
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if found != nil && found.digest == img.digest {
			continue
		}
		if found == nil {
			found, best = img, candidate.rank
		}
		names = append(names, nameOf(candidate.descriptor))
	}
	switch {
	case len(names) > 1:
		return nil, whichOf(where, c.want, names)
	case found != nil:
		return found, nil
	case len(all) == 0:
		return nil, errors.New("is an index that lists no images")
	case len(missing.have) == 0 && other != nil:
		return nil, other
	}
	return nil, missing
}

func (c *chooser) openDescriptor(desc descriptor) (*Image, error) {
	doc, err := c.read(desc)
	if err != nil {
		return nil, err
	}
	img, err := c.open(doc)
	if err != nil {
		return nil, err
	}
	if have := img.Config.Platform; have.OS+have.Architecture != "" && fit(have, c.want) < 0 {
		return nil, &noPlatform{c.want, []v1.Platform{have}}
	}
	return img, nil
}

// fromManifest opens an image by its manifest.
func (c *chooser) fromManifest(doc *document) (*Image, error) {
	digest := doc.config.Digest.Hash
	r, err := c.from.blob(digest, doc.config.Size)
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", digest, err)
	}
	defer r.Close()
	raw, err := readDocument(r)
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", digest, err)
	}
	if err := verify("config", raw, digest); err != nil {
		return nil, err
	}
	config, err := parseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", digest, err)
	}
	if len(doc.layers) != len(config.diffIDs) {
		return nil, fmt.Errorf("manifest %s: has %d layers, its config %d diff IDs", doc.digest, len(doc.layers), len(config.diffIDs))
	}
	img := &Image{Config: config, digest: doc.digest}
	for i, desc := range doc.layers {
		img.Layers = append(img.Layers, Layer{
			Digest: desc.Digest.Hash,
			DiffID: config.diffIDs[i],
			Size:   desc.Size,
			Open:   func() (io.ReadCloser, error) { return c.from.blob(desc.Digest.Hash, desc.Size) },
		})
	}
	return img, nil
}

// oneOf is the first of joined errors: an error is a line.
func oneOf(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
		return joined.Unwrap()[0]
	}
	return err
}

// unclosed is content that needs no closing.
func unclosed(content []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(content)) }
