package tests

import (
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// mostLayers is how many layers Docker's images can have.
const mostLayers = 127

// An image of as many layers as Docker allows is shown, and each layer counts: it adds
// a file, and hides that of the layer below in half of the cases.
func TestLayersMost(t *testing.T) {
	sameTrees(t, "many", manyLayers(t, mostLayers)...)
}

// An image that shares all layers but the last with another fetches and unpacks one.
func TestLayersShared(t *testing.T) {
	layers := manyLayers(t, 12)
	last := itemLayer(t, fileAt("many/another", "another"))
	registry := newRegistry(t)
	first := registry.push(t, "first", newImage(t, "", layers...))
	second := registry.push(t, "second", newImage(t, "", append(layers[:11:11], last)...))
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		from(c, store, first, "true").Run().Want(0)
		before := registry.asked("/second/blobs/")
		r := from(c, store, second, "cat", "/many/another").Run().Want(0)
		// The other blob is the image's config.
		if n := registry.asked("/second/blobs/") - before; r.Stdout != "another" || n != 2 {
			t.Errorf("of 12 layers the store has 11, so the runtime should fetch one, and not %d\n%s", n-1, r)
		}
	}, harness.Root, harness.User)
}

// manyLayers is the lab's layer and more above it, as many as asked for together.
func manyLayers(t *testing.T, count int) []v1.Layer {
	t.Helper()
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	layers := []v1.Layer{lab}
	for i := 1; i < count; i++ {
		items := []item{fileAt(fmt.Sprintf("many/f%d", i), fmt.Sprint(i))}
		if i%4 == 0 {
			items = append(items, hide(fmt.Sprintf("many/.wh.f%d", i-1)))
		}
		layers = append(layers, itemLayer(t, items...))
	}
	return layers
}
