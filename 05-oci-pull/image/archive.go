package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"example.com/container-go/05-oci-pull/printable"
)

// The bounds of an archive's table of contents. docker save writes three entries for
// a layer at most.
const (
	maxEntries   = 1 << 16
	maxNames     = 8 << 20 // bytes of all names together
	maxLinkDepth = 8
)

// An archive is a tar archive that is read by the names of its entries.
type archive struct {
	*seekable
	entries map[string]archiveEntry
}

type archiveEntry struct {
	offset, size int64
	link         string // the entry that it stands for
}

// openArchive reads the names in a tar archive. Of entries with one name the last
// counts, as if the archive had been unpacked.
func openArchive(ctx context.Context, file string, o Options) (*archive, error) {
	s, err := openSeekable(ctx, file, o)
	if err != nil {
		return nil, err
	}
	a := &archive{s, map[string]archiveEntry{}}
	if err := a.scan(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return a, nil
}

func (a *archive) scan(ctx context.Context) error {
	stream := io.NewSectionReader(a.file, a.start, 1<<62)
	tr := tar.NewReader(stream) // which reads whole blocks, and skips contents by seeking
	names := 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		hdr, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if names += len(hdr.Name) + len(hdr.Linkname); names > maxNames || len(a.entries) == maxEntries {
			return fmt.Errorf("the archive has more than %d files, or %d bytes of names", maxEntries, maxNames)
		}
		offset, err := stream.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		name := inArchive(hdr.Name)
		entry := archiveEntry{offset: a.start + offset, size: hdr.Size}
		switch hdr.Typeflag {
		case tar.TypeReg:
			if isSparse(hdr) {
				return fmt.Errorf("%s is a sparse file: make the archive without --sparse", printable.Line(hdr.Name))
			}
		case tar.TypeLink:
			entry.link = inArchive(hdr.Linkname)
		case tar.TypeSymlink:
			if entry.link = hdr.Linkname; !path.IsAbs(entry.link) {
				entry.link = path.Join("/", path.Dir(name), entry.link)
			}
			entry.link = inArchive(entry.link)
		default:
			continue
		}
		a.entries[name] = entry
	}
}

// isSparse reports whether a file is stored without its holes. There is a hole in no
// compressed layer, and archive/tar says only what the file is without it.
func isSparse(hdr *tar.Header) bool {
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return hdr.Typeflag == tar.TypeGNUSparse
}

// inArchive gives the spellings of a name one form.
func inArchive(name string) string { return path.Clean("/" + name)[1:] }

// find follows links: docker save writes a layer that comes twice as a link, and
// older versions as a symlink.
func (a *archive) find(name string) (archiveEntry, error) {
	at := inArchive(name)
	for range maxLinkDepth {
		entry, ok := a.entries[at]
		switch {
		case !ok:
			return entry, fmt.Errorf("find %s in %s: %w", printable.Line(name), a.name, os.ErrNotExist)
		case entry.link == "":
			return entry, nil
		}
		at = entry.link
	}
	return archiveEntry{}, fmt.Errorf("find %s in %s: more than %d links", printable.Line(name), a.name, maxLinkDepth)
}

// has reports whether there is an entry with a name.
func (a *archive) has(name string) bool {
	_, err := a.find(name)
	return err == nil
}

// open opens an entry.
func (a *archive) open(name string) (io.ReadCloser, error) {
	entry, err := a.find(name)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(a.file, entry.offset, entry.size)), nil
}
