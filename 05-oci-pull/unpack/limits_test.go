package unpack

import (
	"fmt"
	"strings"
	"testing"
)

func TestEntriesAreLimited(t *testing.T) {
	b := newBox(t, Options{MaxEntries: 5})
	b.layer(fileAt("a", ""), fileAt("b/c", ""), hide(".wh.d"), symlinkAt("e", "a")) // and the directory b
	b.layer(fileAt("1/2/3/4/f", ""))
	b.refuses("the layer has more than 5 entries", fileAt("x/2/3/4/5/f", ""))
	b.refuses("more than 5 entries", hide(".wh.1"), hide(".wh.2"), hide(".wh.3"), hide(".wh.4"), hide(".wh.5"), hide(".wh.6"))
}

func TestBytesAreLimited(t *testing.T) {
	b := newBox(t, Options{MaxBytes: 10})
	b.layer(fileAt("a", "12345"), linkAt("b", "a"))
	b.layer(fileAt("c", "12345"))
	if b.Unpacked() != 10 {
		t.Errorf("unpacked %d bytes", b.Unpacked())
	}
	b.refuses("the files have more than 10 bytes: if you trust the image, allow more with --max-size", fileAt("d", "1"))
	b.has("a=12345", "b=12345", "c=12345")
}

func TestNamesAreAsLongAsTheKernelTakes(t *testing.T) {
	long := strings.Repeat(strings.Repeat("n", 254)+"/", 16) // 4080 bytes
	for _, c := range []struct {
		what string
		item item
		ok   bool
	}{
		{"4095 bytes", fileAt(long+strings.Repeat("n", 15), ""), true},
		{"4096 bytes", fileAt(long+strings.Repeat("n", 16), ""), false},
		{"4096 bytes to nowhere", fileAt(strings.Repeat("./", 2047)+"nn", ""), false},
		{"a name of 255", fileAt(strings.Repeat("n", 255), ""), true},
		{"a name of 256", fileAt(strings.Repeat("n", 256), ""), false},
		{"a whiteout of 255", hide(".wh." + strings.Repeat("n", 255)), true},
		{"a whiteout of 256", hide(".wh." + strings.Repeat("n", 256)), false},
		{"a target of 4095", symlinkAt("s", strings.Repeat("t", 4095)), true},
		{"a target of 4096", symlinkAt("s", strings.Repeat("t", 4096)), false},
		{"a megabyte", fileAt(strings.Repeat("n", 1<<20-100), ""), false},
		{"a megabyte for a target", linkAt("l", strings.Repeat("n", 1<<20-100)), false},
	} {
		t.Run(fmt.Sprint(c.what), func(t *testing.T) {
			b := rootfs(t)
			if c.ok {
				b.layer(c.item)
			} else {
				b.refuses("file name too long", c.item)
				b.has()
			}
		})
	}
}
