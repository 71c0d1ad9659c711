package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"example.com/container-go/05-oci-pull/printable"
)

// A descriptor is what a document says of another (image-spec descriptor.md). Its
// urls, other addresses for the same content, are not read: nobody but the registry
// is asked, whatever an image says.
type descriptor struct {
	MediaType   types.MediaType `json:"mediaType"`
	Digest      hash            `json:"digest"`
	Size        int64           `json:"size"`
	Platform    *platform       `json:"platform"`
	Annotations struct {
		Tag  string `json:"org.opencontainers.image.ref.name"`
		Name string `json:"io.containerd.image.name"`
	} `json:"annotations"`
}

// A document is a manifest or an index.
type document struct {
	digest       v1.Hash
	isIndex      bool
	mediaType    types.MediaType // as the document says, perhaps nothing
	artifactType string

	manifests []descriptor // of an index
	config    descriptor   // of a manifest
	layers    []descriptor
}

// parseDocument goes by what a document has in it. One that could be read as a
// manifest and as an index is refused: whoever checks an image and whoever runs it
// must not see different ones (CVE-2021-41190).
func parseDocument(raw []byte) (*document, error) {
	var d struct {
		MediaType    types.MediaType   `json:"mediaType"`
		ArtifactType string            `json:"artifactType"`
		Manifests    *list[descriptor] `json:"manifests"`
		Config       *descriptor       `json:"config"`
		Layers       *list[descriptor] `json:"layers"`
		FSLayers     json.RawMessage   `json:"fsLayers"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, jsonError(err)
	}
	doc := &document{mediaType: d.MediaType, artifactType: d.ArtifactType}
	isManifest := d.Config != nil || d.Layers != nil
	switch doc.isIndex = d.Manifests != nil; {
	case doc.isIndex && isManifest:
		return nil, errors.New("is a manifest and an index at once, which is how an attack hides an image (CVE-2021-41190)")
	case d.FSLayers != nil && !isManifest:
		return nil, &notImage{"a manifest of Docker's old schema 1"}
	case !doc.isIndex && !isManifest:
		return nil, &notImage{"neither a manifest nor an index"}
	case doc.mediaType.IsIndex() && !doc.isIndex, doc.mediaType.IsImage() && doc.isIndex:
		return nil, fmt.Errorf("says that it is %s, and is not", printable.Line(string(doc.mediaType)))
	}
	if doc.isIndex {
		doc.manifests = *d.Manifests
		return doc, nil
	}
	if d.Config != nil {
		doc.config = *d.Config
	}
	if d.Layers != nil {
		doc.layers = *d.Layers
	}
	if len(doc.layers) > maxLayers {
		return nil, fmt.Errorf("has more than %d layers", maxLayers)
	}
	return doc, nil
}

// agree checks what others say of a document's type. Registries add parameters, say
// nothing of use, or nothing at all; then the document's own type counts.
func (d *document) agree(says types.MediaType) error {
	if parsed, _, err := mime.ParseMediaType(string(says)); err == nil {
		says = types.MediaType(parsed)
	}
	if says.IsIndex() && !d.isIndex || says.IsImage() && d.isIndex {
		is := "a manifest"
		if d.isIndex {
			is = "an index"
		}
		return fmt.Errorf("was announced as %s, and is %s", printable.Line(string(says)), is)
	}
	return nil
}

// agreeWith checks it against the descriptor that led to it, whose type is not vague.
func (d *document) agreeWith(desc descriptor) error {
	if err := d.agree(desc.MediaType); err != nil {
		return err
	}
	if d.mediaType != "" && isKnown(desc.MediaType) && d.mediaType != desc.MediaType {
		return fmt.Errorf("was announced as %s, and is %s", desc.MediaType, printable.Line(string(d.mediaType)))
	}
	return nil
}

func isKnown(t types.MediaType) bool { return t.IsIndex() || t.IsImage() }

// notImage is the error of something that is no image at all.
type notImage struct{ what string }

func (e *notImage) Error() string { return "is not an image but " + e.what }

// checkImage refuses a manifest that is one of an artifact: a chart, a signature, an
// attestation. Registries hold anything that has a manifest.
func (d *document) checkImage() error {
	kind := d.config.MediaType
	switch kind {
	case types.OCIConfigJSON, types.DockerConfigJSON, "", "application/octet-stream", "application/json", "text/plain":
	default:
		if d.artifactType != "" {
			kind = types.MediaType(d.artifactType)
		}
		return &notImage{printable.Line(string(kind))}
	}
	for _, layer := range d.layers {
		if kind := string(layer.MediaType); !isLayer(kind) {
			return &notImage{printable.Line(kind)}
		}
	}
	if d.config.Digest.Hash == (v1.Hash{}) {
		return &notImage{"a manifest without a config"}
	}
	return nil
}

// isLayer reports whether a media type can be that of a tar archive. Some builders
// write vague ones.
func isLayer(kind string) bool {
	kind = strings.ToLower(kind)
	switch kind {
	case "", "application/octet-stream", "application/x-tar", "application/tar", "application/gzip", "application/x-gzip",
		"application/tar+gzip", "application/x-tgz", "application/zstd", "application/vnd.docker.container.image.rootfs.diff+x-gtar":
		return true
	}
	return !strings.HasSuffix(kind, "+encrypted") &&
		(strings.HasPrefix(kind, "application/vnd.oci.image.layer.") || strings.HasPrefix(kind, "application/vnd.docker.image.rootfs."))
}

// jsonError makes a line of a decoder's error.
func jsonError(err error) error {
	if err == nil {
		return nil
	}
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		return fmt.Errorf("has a %s in %s", printable.Line(wrong.Value), printable.Line(wrong.Field))
	}
	if bytes.ContainsAny([]byte(err.Error()), "\n\r\x1b") {
		return errors.New(printable.Line(err.Error()))
	}
	return err
}
