package tests

import (
	"archive/tar"
	"context"
	"io"
	"runtime"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/tests/harness"
)

// labLayer is the one layer of the image lab: a shell and some tools.
var labLayer = sync.OnceValues(func() (v1.Layer, error) {
	lab, err := image.Open(context.Background(), "lab", image.Options{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err != nil {
		return nil, err
	}
	blob, err := lab.Layers[0].Open()
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	content, err := io.ReadAll(blob)
	return static.NewLayer(content, types.OCIUncompressedLayer), err
})

// labWith makes an image out of lab, with a config and more files, and returns
// the reference to it.
func labWith(t *testing.T, c *harness.Case, config v1.Config, entries ...entry) string {
	t.Helper()
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	layers := []v1.Layer{lab}
	if len(entries) > 0 {
		plain := layerTar(t, entries...)
		layers = append(layers, newLayer(t, plain, types.OCIUncompressedLayer, plain))
	}
	img, err := mutate.Config(newImage(t, "", layers...), config)
	if err != nil {
		t.Fatal(err)
	}
	return "oci:" + writeLayout(t, c.Dir(), "lab", img)
}

func executable(name, content string) entry {
	return entry{tar.Header{Name: name, Mode: 0o755}, content}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink, Mode: 0o777}, ""}
}

// fromImage prepares a run of an image.
func fromImage(c *harness.Case, ref string, args ...string) *harness.Command {
	cmd := c.Command(args...)
	cmd.Flags = append(cmd.Flags, "--image="+ref)
	return cmd
}
