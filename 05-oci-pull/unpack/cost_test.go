package unpack

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// costs are layers of which each must cost what it has, not more: n entries, over
// layers that are not measured.
var costs = map[string]func(n int) (below, layer []item){
	"implied": func(n int) (below, layer []item) { // at 4: 20,000 directories
		for i := range 5000 * n {
			layer = append(layer, fileAt(fmt.Sprintf("d/%d/f", i), ""))
		}
		return nil, layer
	},
	"opaque": func(n int) (below, layer []item) { // at 4: 1,000, one in the other
		for i := range 250 * n {
			below = append(below, fileAt(strings.Repeat("a/", i)+"f", ""))
		}
		for i := range 250 * n {
			layer = append(layer, fileAt(strings.Repeat("a/", i)+"g", ""))
		}
		for i := range 250 * n {
			layer = append(layer, hide(strings.Repeat("a/", i)+".wh..wh..opq"))
		}
		return below, layer
	},
	"depth": func(n int) (below, layer []item) { // at 4: 2,000
		for i := range 500 * n {
			layer = append(layer, fileAt(strings.Repeat("a/", i)+"f", ""))
		}
		return nil, layer
	},
	"whiteouts": func(n int) (below, layer []item) { // at 4: 100,000
		for i := range 25000 * n {
			below = append(below, fileAt(fmt.Sprint(i), ""))
			layer = append(layer, hide(fmt.Sprintf(".wh.%d", i)))
		}
		return below, layer
	},
	"replaced": func(n int) (below, layer []item) {
		for i := range 2500 * n {
			below = append(below, fileAt(fmt.Sprint(i), ""))
		}
		return below, below
	},
	"links": func(n int) (below, layer []item) { // a file may have 65,000 on ext4
		for i := range 5000 * n {
			layer = append(layer, linkAt(fmt.Sprint(i), "f"))
		}
		return []item{fileAt("f", "x")}, layer
	},
	"symlinks": func(n int) (below, layer []item) { // 40 for each file
		for i := range 39 {
			below = append(below, symlinkAt(fmt.Sprintf("s%d", i), fmt.Sprintf("s%d", i+1)))
		}
		below = append(below, symlinkAt("s39", "d"))
		for i := range 1000 * n {
			layer = append(layer, fileAt(fmt.Sprintf("s0/%d/f", i), ""))
		}
		return below, layer
	},
	"swept": func(n int) (below, layer []item) { // one whiteout
		for i := range 5000 * n {
			below = append(below, fileAt(fmt.Sprintf("d/%d/f", i), ""))
		}
		return below, []item{hide(".wh.d")}
	},
}

// BenchmarkCost shows what a layer costs by entry: of 1, 2 and 4 times the size it
// should be the same, but for the depth, where a name is as long as the way.
func BenchmarkCost(b *testing.B) {
	for name, make := range costs {
		for _, n := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				below, layer := make(n)
				lower, upper := archive(b, below...), archive(b, layer...)
				for b.Loop() {
					b.StopTimer()
					dir := b.TempDir()
					r, err := Open(dir, Options{Owners: PreservesOwners()})
					if err != nil {
						b.Fatal(err)
					}
					if err := r.Apply(context.Background(), bytes.NewReader(lower)); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					if err := r.Apply(context.Background(), bytes.NewReader(upper)); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					r.Close()
					if err := RemoveAll(dir); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				entries := float64(max(len(below), len(layer)) * b.N)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/entries, "ns/entry")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(len(lower), len(upper))*b.N), "ns/byte")
			})
		}
	}
}
