package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"strings"
	"testing"
)

// FuzzApply applies arbitrary layers. Whatever they say, the directory outside
// stays as it is, and RemoveAll removes what they made: every box checks both.
func FuzzApply(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x01\x00\x01\x11"))
	f.Add([]byte("\x01\x02\x20\x05\x00\x00\x24\x00\x07\x00\x2a\x06\x03\x21\x20\x00"))
	f.Add([]byte("\x00\x01\x20\x00\x00\x21\x00\x02\x20\x05\x04\x28\x21\x00\x09\x00\x00\x00\x28\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 400 {
			return
		}
		b := newBox(t, Options{Owners: data[0]&1 == 1 && PreservesOwners()})
		for _, layer := range bytes.Split(data[1:], []byte{0xff}) {
			stream := archive(t, b.fuzzItems(layer)...)
			// Errors are as good as any other result.
			_ = b.Apply(context.Background(), bytes.NewReader(stream))
		}
	})
}

// fuzzItems makes four bytes an entry: its type and attributes, two for its
// name, and its target.
func (b *box) fuzzItems(data []byte) (items []item) {
	parts := []string{"a", "b", "c", "secret", "sub", "..", ".", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.secret", "outside", b.outside, "", "/", ".wh.."}
	name := func(n byte) string { return parts[n&15] + "/" + parts[n>>4] }
	targets := append([]string{"/a", "../../" + "outside", "a/b/c", b.outside + "/secret", "../outside/sub", "/proc/self/root", "/proc/self/cwd"}, parts...)
	kinds := []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeChar, tar.TypeSymlink, tar.TypeLink}
	for ; len(data) >= 4; data = data[4:] {
		i := entryOf(kinds[data[0]&7], strings.TrimSuffix(name(data[1])+"/"+name(data[2]), "/"))
		if data[0]&8 != 0 { // a short name
			i.Name = parts[data[1]&15]
		}
		i.Name = strings.TrimRight(i.Name, "/")
		i.Linkname = targets[int(data[3])%len(targets)]
		i.Mode = []int64{0o755, 0, 0o7777, 0o100}[data[0]>>4&3]
		if data[0]&64 != 0 {
			i = i.xattr("user.fuzz", "1")
		}
		if data[0]&128 != 0 {
			i.Uid, i.Gid = 4321, 4321
		}
		if i.Typeflag == tar.TypeReg {
			i.body, i.Size = "evil", 4
		}
		items = append(items, i)
	}
	return items
}
