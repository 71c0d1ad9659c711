package unpack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// benchLayer is a layer of the shape of a small distribution, or the
// uncompressed one in the file LAYER.
func benchLayer(b *testing.B) []byte {
	if name := os.Getenv("LAYER"); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		return data
	}
	var items []item
	for d := range 200 {
		dir := fmt.Sprintf("usr/share/%d", d)
		items = append(items, dirAt(dir))
		for f := range 20 {
			body := bytes.Repeat([]byte("x"), 1<<(f%17))
			items = append(items, fileAt(fmt.Sprintf("%s/%d", dir, f), string(body)))
		}
		items = append(items, symlinkAt(dir+"/s", "0"), linkAt(dir+"/h", dir+"/1"))
	}
	return archive(b, items...)
}

func BenchmarkApply(b *testing.B) {
	layer := benchLayer(b)
	b.SetBytes(int64(len(layer)))
	for b.Loop() {
		dir := b.TempDir()
		r, err := Open(dir, Options{Owners: PreservesOwners()})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Apply(context.Background(), bytes.NewReader(layer)); err != nil {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkTar is what BenchmarkApply is measured against.
func BenchmarkTar(b *testing.B) {
	layer := benchLayer(b)
	b.SetBytes(int64(len(layer)))
	for b.Loop() {
		dir := b.TempDir()
		c := exec.Command("tar", "-x", "-C", dir)
		c.Stdin = bytes.NewReader(layer)
		if out, err := c.CombinedOutput(); err != nil {
			b.Skipf("tar: %v\n%s", err, out)
		}
		b.StopTimer()
		if err := RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
