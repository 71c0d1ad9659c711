package pull

import (
	"errors"
	"fmt"
	"io"
)

// sized reads a blob that must have as many bytes as the image says.
type sized struct {
	io.ReadCloser
	size   int64 // of the blob, in bytes
	offset int64 // read so far
}

func (s *sized) Read(p []byte) (int, error) {
	if s.size < 0 {
		return 0, errors.New("the image does not say how many bytes this has")
	}
	n, err := s.ReadCloser.Read(p)
	s.offset += int64(n)
	if s.offset > s.size {
		return n, fmt.Errorf("longer than the %d bytes that the image says", s.size)
	}
	if err == io.EOF && s.offset < s.size {
		return n, fmt.Errorf("after %d of %d bytes: %w", s.offset, s.size, io.ErrUnexpectedEOF)
	}
	return n, err
}
