// Package fetch fills the store: it pulls an image with lesson 5's packages. A run
// whose image is in the store never comes here.
package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/progress"
	"example.com/container-go/05-oci-pull/pull"
	"example.com/container-go/06-full-runtime/store"
)

// pullImage puts an image into the store, with those of its layers that are not there
// yet.
func pullImage(ctx context.Context, s *store.Store, ref string, o image.Options) (*store.Image, error) {
	img, err := image.Open(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	if len(img.Layers) == 0 { // an image of nothing, to which volumes bring the program
		img.Layers = []image.Layer{nothing}
	}
	var diffIDs []string
	for _, layer := range img.Layers {
		diffIDs = append(diffIDs, layer.DiffID.Hex)
	}
	chain := store.ChainIDs(diffIDs)
	p, err := s.Begin(ctx, chain, func(i int) {
		o.Log(pull.Label(img, i) + ": another process is fetching it: waiting")
	})
	if err != nil {
		return nil, err
	}
	if p.Missing() > 0 {
		err = layers(ctx, s, p, img, o)
	}
	if endErr := p.End(); err == nil {
		err = endErr
	}
	if err != nil {
		return nil, err
	}
	return record(s, p, chain, img, o)
}

// nothing is a layer without changes.
var nothing = image.Layer{
	DiffID: v1.Hash{Algorithm: "sha256", Hex: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(nil)), nil },
}

// layers fetches and unpacks the layers that are missing, which are the highest ones.
func layers(ctx context.Context, s *store.Store, p *store.Pull, img *image.Image, o image.Options) (err error) {
	first := len(p.Below)
	missing := img.Layers[first:]
	var size int64
	for _, layer := range missing {
		size += layer.Size
	}
	o.Log(fmt.Sprintf("Downloading and unpacking %s to %s", img.Ref, s.Dir))
	if p.Flat {
		o.Log("overlayfs cannot write there, so the image becomes one tree and shares no layers: " + p.Reason)
	}
	bar := progress.New(os.Stderr).Start(label(img, len(missing)), size)
	defer func() { bar.Finish(err == nil) }()
	child, err := startUnpacker(ctx, s, p, img.MaxSize)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	infos := make([]store.LayerInfo, len(missing))
	for i, layer := range pull.FetchAhead(ctx, missing, p.Dir) {
		infos[i].Size, err = pull.Apply(ctx, layer, child, bar)
		infos[i].LeftOut = child.last.LeftOut
		if err != nil {
			_ = child.Wait()
			return fmt.Errorf("image %s: %s: %w", img.Ref, pull.Label(img, first+i), err)
		}
	}
	if err := child.Wait(); err != nil {
		return err
	}
	if p.Flat {
		whole := infos[len(infos)-1]
		for _, below := range infos[:len(infos)-1] {
			whole.Size += below.Size
		}
		infos = []store.LayerInfo{whole}
	}
	return p.Keep(infos)
}

// label is what stands before the progress bar.
func label(img *image.Image, missing int) string {
	if len(img.Layers) == 1 {
		return pull.Label(img, 0)
	}
	return fmt.Sprintf("%d layers of %d", missing, len(img.Layers))
}

// record notes in the store what the image is, when all its layers are there.
func record(s *store.Store, p *store.Pull, chain []string, img *image.Image, o image.Options) (*store.Image, error) {
	own := img.Config
	recorded := &store.Image{
		Ref:        store.Canonical(img.Ref),
		Platform:   o.Platform.String(),
		Pulled:     time.Now().UTC(),
		Layers:     chain,
		Flat:       p.Flat,
		Env:        own.Env,
		Entrypoint: own.Entrypoint,
		Cmd:        own.Cmd,
		WorkingDir: own.WorkingDir,
		User:       own.User,
		Volumes:    own.Volumes,
	}
	if p.Flat {
		recorded.Layers = chain[len(chain)-1:]
	}
	for _, info := range p.Infos {
		recorded.Size += info.Size
	}
	return recorded, s.SetImage(recorded)
}
