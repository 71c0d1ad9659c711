package uncompress

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/gzip"
)

// A gzipReader reads gzip members up to the end, or to what is no member: like
// gzip(1), it ignores garbage after the last one. If a damaged member is taken for
// garbage, the digest tells.
type gzipReader struct {
	*gzip.Reader
	from *bufio.Reader
}

func newGzip(from *bufio.Reader) (io.ReadCloser, error) {
	z, err := gzip.NewReader(from)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gzipReader{z, from}, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for {
		n, err := g.Reader.Read(p)
		if err != io.EOF || n > 0 {
			if err == io.EOF {
				err = nil // it comes again
			}
			return n, err
		}
		next, err := g.from.Peek(2)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if string(next) != "\x1f\x8b" {
			return 0, io.EOF
		}
		if err := g.Reset(g.from); err != nil {
			return 0, err
		}
		g.Multistream(false)
	}
}
