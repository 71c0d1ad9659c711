package unpack

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// removed makes a directory that is removed when the test ends.
func removed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { RemoveAll(dir) })
	return dir
}

// TestOverlaidCountsCopies: a small layer can fill a disk with the files of others.
func TestOverlaidCountsCopies(t *testing.T) {
	needOverlay(t)
	lower, upper := removed(t), removed(t)
	if err := os.WriteFile(filepath.Join(lower, "big"), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := overlay(t, removed(t), lower, upper)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{1004, 1005} {
		r, err := Open(at, Options{MaxBytes: limit})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		layer := archive(t, fileAt("own", "12345"), linkAt("a", "big"), linkAt("b", "big"), linkAt("c", "a"), linkAt("d", "own"))
		if err := r.Apply(context.Background(), bytes.NewReader(layer)); (err == nil) != (limit == 1005) || r.Unpacked() != 1005 {
			t.Errorf("limit %d: unpacked %d bytes, %v; want 1005", limit, r.Unpacked(), err)
		}
	}
}
