package image

import "io"

// A Budget is what all layers of an image may have together, in bytes when
// uncompressed. It ends a compression bomb, whose files' sizes need not add up to its
// own.
type Budget struct{ most, used int64 }

// Reader counts what is read. A nil Budget has no bound.
func (b *Budget) Reader(r io.Reader) io.Reader {
	if b == nil {
		return r
	}
	return counted{r, b}
}

type counted struct {
	io.Reader
	budget *Budget
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.budget.used += int64(n); c.budget.used > c.budget.most {
		return 0, tooLarge(c.budget.most)
	}
	return n, err
}
