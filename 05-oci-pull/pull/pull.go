// Package pull turns an image into a root filesystem: it reads each layer,
// checks it, uncompresses it and unpacks it over the ones before.
//
// A layer goes through in one stream, so memory stays bounded whatever its size:
//
//	blob -> digest -> uncompress -> diff ID -> unpack
//
// Layers are unpacked in order. Meanwhile the next ones are fetched and wait on disk,
// compressed.
//
// Both digests cover every byte, also those after the end of the tar archive,
// which unpacking alone would never read.
package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/progress"
	"example.com/container-go/05-oci-pull/uncompress"
	"example.com/container-go/05-oci-pull/unpack"
)

// Unpack assembles the image's root filesystem in dir, an existing directory. Layers
// that are fetched before their turn wait in spool, another one. What Unpack leaves in
// dir after an error is incomplete and not to be trusted.
func Unpack(ctx context.Context, img *image.Image, dir, spool string, display *progress.Display) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rootfs, err := unpack.Open(dir, unpack.Options{Owners: unpack.PreservesOwners(), MaxBytes: img.MaxSize})
	if err != nil {
		return err
	}
	defer rootfs.Close()
	for i, layer := range FetchAhead(ctx, img.Layers, spool) {
		label := Label(img, i)
		bar := display.Start(label, layer.Size)
		_, err := Apply(ctx, layer, rootfs, bar)
		bar.Finish(err == nil)
		if err != nil {
			return fmt.Errorf("image %s: %s: %w", img.Ref, label, err)
		}
	}
	return nil
}

// Label names a layer for the user.
func Label(img *image.Image, i int) string {
	name := img.Layers[i].Digest
	if name == (v1.Hash{}) {
		name = img.Layers[i].DiffID
	}
	return fmt.Sprintf("layer %d/%d %.12s", i+1, len(img.Layers), name.Hex)
}

// MakeRoot makes the directory for a root filesystem. Its mode is what most
// images have, whatever the umask, and matters where an image's layers have no
// entry for the root itself.
func MakeRoot(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// Target is where the uncompressed layer goes: an unpack.Rootfs, or what leads to
// one.
type Target interface {
	Apply(ctx context.Context, stream io.Reader) error
}

// Apply unpacks one layer, reading it to its last byte, and returns its size in
// bytes when uncompressed. Only when it returns no error are the digests right.
func Apply(ctx context.Context, layer image.Layer, target Target, bar *progress.Bar) (size int64, err error) {
	opened, err := layer.Open()
	if err != nil {
		return 0, err
	}
	blob := &sized{ReadCloser: opened, size: layer.Size}
	digest, diffID := sha256.New(), sha256.New()
	checked := readAhead(ctx, bar.Reader(blob), digest)
	defer checked.Close()
	defer blob.Close()
	uncompressed, err := uncompress.Reader(checked)
	if err != nil {
		return 0, err
	}
	defer uncompressed.Close()
	var read counter // another goroutine's until the end of the stream
	ahead := readAhead(ctx, layer.Budget.Reader(uncompressed), io.MultiWriter(diffID, &read))
	defer ahead.Close()
	// The first to run: it ends a read that waits for the network, and with it
	// the goroutines that the others wait for.
	defer blob.Close()

	if err := target.Apply(ctx, ahead); err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, ahead); err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, checked); err != nil {
		return 0, err
	}
	if layer.Digest != (v1.Hash{}) {
		if err := compare("digest", digest, layer.Digest); err != nil {
			return 0, err
		}
	}
	return int64(read), compare("diff ID", diffID, layer.DiffID)
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func compare(what string, got hash.Hash, want v1.Hash) error {
	if sum := hex.EncodeToString(got.Sum(nil)); want.Algorithm != "sha256" || sum != want.Hex {
		return fmt.Errorf("%s is sha256:%s, not %s as the image says: the layer is damaged or not what it claims to be", what, sum, want)
	}
	return nil
}
