package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// Image is what a run needs to know of an image: how to run it, and its layers,
// which are all in the store.
type Image struct {
	Ref      string // as Canonical gives it
	Platform string // OS/ARCH[/VARIANT]
	Pulled   time.Time
	Layers   []string // chain IDs, in hexadecimal, lowest first
	Flat     bool     // the one layer is a flat tree
	Size     int64    // of the layers' uncompressed archives, in bytes

	// Of the image's config (image-spec config.md).
	Env        []string
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	User       string
	Volumes    []string
}

// IsLocal reports whether a reference names files of this machine, which may have
// changed since and take no network to look at.
func IsLocal(ref string) bool {
	transport, _, _ := strings.Cut(ref, ":")
	return slices.Contains([]string{"oci", "oci-archive", "docker-archive"}, transport)
}

// Canonical gives the references that mean the same image the same form.
func Canonical(ref string) string {
	if ref == "lab" {
		return ref
	}
	if IsLocal(ref) {
		transport, path, _ := strings.Cut(ref, ":")
		if path == "-" || strings.HasPrefix(path, "-:") { // stdin
			return ref
		}
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return transport + ":" + path
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ref // no image has it, as a pull will say
	}
	return parsed.Name()
}

// Familiar is the shortest form of a reference that means the same.
func Familiar(ref string) string {
	for _, prefix := range []string{"index.docker.io/library/", "index.docker.io/"} {
		short := strings.TrimPrefix(ref, prefix)
		if Canonical(short) == ref {
			return short
		}
	}
	return ref
}

func (s *Store) imagePath(ref, platform string) string {
	sum := sha256.Sum256([]byte(ref + " " + platform))
	return s.Path("refs", hex.EncodeToString(sum[:16]))
}

// Image finds an image by its canonical reference. It returns nil if there is none,
// or if what is there is of no use: it is to be pulled again then.
func (s *Store) Image(ref, platform string) *Image {
	img := s.readImage(s.imagePath(ref, platform))
	if img == nil || !s.complete(img) {
		return nil
	}
	return img
}

// complete reports whether the store has all layers of an image.
func (s *Store) complete(img *Image) bool {
	for _, tree := range s.Trees(img) {
		if _, err := os.Stat(tree); err != nil {
			return false
		}
	}
	return true
}

// readImage returns nil if there is no such image, or if the file is not one that
// SetImage wrote there, whole.
func (s *Store) readImage(path string) *Image {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	img := new(Image)
	if json.Unmarshal(content, img) != nil || s.imagePath(img.Ref, img.Platform) != path || len(img.Layers) == 0 {
		return nil
	}
	for _, id := range img.Layers {
		if sum, err := hex.DecodeString(id); err != nil || len(sum) != sha256.Size {
			return nil
		}
	}
	return img
}

// SetImage says what a reference stands for from now on. If it does so already, the
// store need not have room for it.
func (s *Store) SetImage(img *Image) error {
	if there := s.readImage(s.imagePath(img.Ref, img.Platform)); there != nil {
		there.Pulled = img.Pulled
		if reflect.DeepEqual(there, img) {
			return nil
		}
	}
	content, err := json.Marshal(img)
	if err != nil {
		return err
	}
	return writeFile(s.imagePath(img.Ref, img.Platform), content)
}

// Images lists all images.
func (s *Store) Images() ([]*Image, error) {
	files, err := s.images()
	if err != nil {
		return nil, err
	}
	var images []*Image
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if files[file] != nil {
			images = append(images, files[file])
		}
	}
	return images, nil
}

// images are the store's records of images by their file; nil is one that cannot be
// read, or was never completed.
func (s *Store) images() (map[string]*Image, error) {
	entries, err := os.ReadDir(s.Path("refs"))
	if err != nil {
		return nil, err
	}
	images := map[string]*Image{}
	for _, entry := range entries {
		file := s.Path("refs", entry.Name())
		images[file] = s.readImage(file)
		if strings.HasPrefix(entry.Name(), ".") {
			images[file] = nil
		}
	}
	return images, nil
}
