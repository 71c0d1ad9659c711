// Package uncompress reads compressed layers and archives, in bounded memory.
package uncompress

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// MaxWindow bounds the memory that a zstd frame may ask for. The default levels of
// zstd(1) need 8 MiB, those of Go's encoder at most 32.
const MaxWindow = 32 << 20

// A format is a way of compression, known by its first bytes.
type format struct {
	name  string
	magic string
	mask  byte // of the first byte's bits, those that may differ
	open  func(*bufio.Reader) (io.ReadCloser, error)
}

var formats = []format{
	{name: "gzip", magic: "\x1f\x8b", open: newGzip},                     // RFC 1952
	{name: "zstd", magic: "\x28\xb5\x2f\xfd", open: newZstd},             // RFC 8878
	{name: "zstd", magic: "\x50\x2a\x4d\x18", mask: 0x0f, open: newZstd}, // a frame to skip
	{name: "bzip2", magic: "BZh", open: newBzip2},
	// Their dictionaries may have gigabytes, and Go's libraries have no limit.
	{name: "xz", magic: "\xfd7zXZ\x00"},
	{name: "lz4", magic: "\x04\x22\x4d\x18"},
	{name: "lzip", magic: "LZIP"},
	{name: "lzma", magic: "\x5d\x00\x00"},
	{name: "compress", magic: "\x1f\x9d"},
	{name: "zip", magic: "PK\x03\x04"},
	{name: "7-Zip", magic: "7z\xbc\xaf\x27\x1c"},
}

const longestMagic = 6

// Reader gives what a stream holds, uncompressed if it is compressed. It goes by
// the first bytes and not by a media type, because archives of docker save have none
// and some registries' are wrong. Nothing is lost: the diff ID covers what comes out.
func Reader(stream io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(stream, 64<<10)
	start, err := buffered.Peek(longestMagic)
	if err != nil && err != io.EOF {
		return nil, err
	}
	f := detect(start)
	switch {
	case f == nil:
		return io.NopCloser(buffered), nil
	case f.open == nil:
		return nil, &Unsupported{f.name}
	}
	return f.open(buffered)
}

// Compressed reports whether a stream with these first bytes is compressed.
func Compressed(start []byte) bool { return detect(start) != nil }

func detect(start []byte) *format {
	for i, f := range formats {
		n := len(f.magic)
		if len(start) >= n && start[0]&^f.mask == f.magic[0] && string(start[1:n]) == f.magic[1:] {
			return &formats[i]
		}
	}
	return nil
}

// Unsupported is the error of a compression that we cannot read.
type Unsupported struct{ Name string }

func (e *Unsupported) Error() string {
	return fmt.Sprintf("compressed with %s, which is not supported: use gzip, zstd or bzip2", e.Name)
}

func newBzip2(from *bufio.Reader) (io.ReadCloser, error) {
	return io.NopCloser(bzip2.NewReader(from)), nil
}

// A zstdReader ends at what is no frame, if a frame came before it.
type zstdReader struct {
	io.ReadCloser
	any bool
}

func newZstd(from *bufio.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(MaxWindow))
	if err != nil {
		return nil, err
	}
	return &zstdReader{ReadCloser: z.IOReadCloser()}, nil
}

func (z *zstdReader) Read(p []byte) (n int, err error) {
	n, err = z.ReadCloser.Read(p)
	z.any = z.any || n > 0
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = fmt.Errorf("zstd needs more than %d MiB of memory to uncompress this", MaxWindow>>20)
	case errors.Is(err, zstd.ErrMagicMismatch) && z.any:
		err = io.EOF
	}
	return n, err
}
