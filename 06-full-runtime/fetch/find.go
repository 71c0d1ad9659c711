package fetch

import (
	"context"
	"fmt"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/06-full-runtime/store"
)

// Wanted says which image, and when to pull it.
type Wanted struct {
	Ref     string
	Options image.Options
	Pull    string // missing, always or never
}

// Stored returns the image if the store has it and --pull lets it be taken from there,
// or nil. Files on this machine are looked at each time: they may have changed, and
// looking takes no network.
func Stored(images *store.Store, want Wanted) *store.Image {
	if want.Pull == "always" || want.Pull == "missing" && store.IsLocal(want.Ref) {
		return nil
	}
	return images.Image(store.Canonical(want.Ref), want.Options.Platform.String())
}

// Find does what --pull says: it takes the image from the store, or pulls it.
func Find(ctx context.Context, images *store.Store, want Wanted) (*store.Image, error) {
	if img := Stored(images, want); img != nil {
		return img, nil
	}
	if want.Pull == "never" {
		return nil, fmt.Errorf("image %s is not in %s, and --pull=never", want.Ref, images.Dir)
	}
	return pullImage(ctx, images, want.Ref, want.Options)
}
