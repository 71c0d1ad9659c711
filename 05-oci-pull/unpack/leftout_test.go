package unpack

import (
	"bytes"
	"context"
	"slices"
	"testing"
)

// TestWhatWasLeftOutIsKnownAbove links to a device 0/0, which no tree has, in later
// layers.
func TestWhatWasLeftOutIsKnownAbove(t *testing.T) {
	device := []item{fileAt("usr/lib/f", ""), symlinkAt("lib", "usr/lib"), deviceAt("lib/dev", 0, 0)}
	for name, c := range map[string]struct {
		layers [][]item // the last has a hard link to the device
		left   []string // nil: the link is an error
	}{
		"at once":            {[][]item{{linkAt("l", "usr/lib/dev")}}, []string{"/l", "/usr/lib/dev"}},
		"through a symlink":  {[][]item{{linkAt("lib/l", "lib/dev")}}, []string{"/usr/lib/dev", "/usr/lib/l"}},
		"twice":              {[][]item{{linkAt("a", "lib/dev")}, {hide("lib/.wh.dev")}, {linkAt("l", "a")}}, []string{"/a", "/l"}},
		"over a file":        {[][]item{{linkAt("usr/lib/f", "lib/dev")}}, []string{"/usr/lib/dev", "/usr/lib/f"}},
		"spared":             {[][]item{{deviceAt("lib/dev", 0, 0), hide("lib/.wh.dev"), hide("usr/.wh..wh..opq")}, {linkAt("l", "usr/lib/dev")}}, []string{"/l", "/usr/lib/dev"}},
		"replaced":           {[][]item{{fileAt("lib/dev", "")}, {hide("lib/.wh.dev")}, {linkAt("l", "lib/dev")}}, nil},
		"replaced, linked":   {[][]item{{fileAt("lib/dev", "")}, {linkAt("l", "lib/dev")}}, []string{}},
		"hidden":             {[][]item{{hide("lib/.wh.dev")}, {linkAt("l", "lib/dev")}}, nil},
		"opaque":             {[][]item{{hide("lib/.wh..wh..opq")}, {linkAt("l", "lib/dev")}}, nil},
		"directory hidden":   {[][]item{{hide("usr/.wh.lib")}, {fileAt("usr/lib/f", "")}, {linkAt("l", "lib/dev")}}, nil},
		"directory replaced": {[][]item{{fileAt("usr/lib", ""), fileAt("usr/lib2", ""), dirAt("usr/lib")}, {linkAt("l", "lib/dev")}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := rootfs(t)
			b.layer(device...)
			left := b.LeftOut()
			for i, items := range c.layers {
				r, err := Open(b.dir, Options{LeftOut: left}) // as another process would
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				err = r.Apply(context.Background(), bytes.NewReader(archive(t, items...)))
				left = r.LeftOut()
				switch last := i == len(c.layers)-1; {
				case last && c.left == nil:
					if err == nil {
						t.Error("a link to what is not in any layer was left out")
					}
				case err != nil:
					t.Fatalf("layer %d: %v", i, err)
				case last && !slices.Equal(left, c.left):
					t.Errorf("left out %q, not %q", left, c.left)
				}
			}
		})
	}
}
