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

// Find does what --pull says: it takes the image from the store, or pulls it. Files on this machine are looked at each time: they
// may have changed, and it takes no network.
func Find(ctx context.Context, images *store.Store, want Wanted) (*store.Image, error) {
	local := store.IsLocal(want.Ref)
	if want.Pull == "never" || want.Pull == "missing" && !local {
		if img := images.Image(store.Canonical(want.Ref), want.Options.Platform.String()); img != nil {
			return img, nil
		}
		if want.Pull == "never" {
			return nil, fmt.Errorf("image %s is not in %s, and --pull=never", want.Ref, images.Dir)
		}
	}
	return pullImage(ctx, images, want.Ref, want.Options)
}
