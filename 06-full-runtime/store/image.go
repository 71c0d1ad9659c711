package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Image is what a run needs to know of an image: how to run it, and its layers,
// which are all in the store.
type Image struct {
	Ref      string // as Canonical gives it
	Platform string // OS/ARCH[/VARIANT]
	Pulled   time.Time
	Layers   []string // diff IDs, in hexadecimal, lowest first
	Size     int64    // of the layers' uncompressed archives, in bytes

	// Of the image's config (image-spec config.md).
	Env        []string
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	User       string
}

// IsLocal reports whether a reference names files of this machine, which may have
// changed since and take no network to look at.
func IsLocal(ref string) bool {
	return strings.HasPrefix(ref, "oci:") || strings.HasPrefix(ref, "docker-archive:")
}

// Canonical gives the references that mean the same image the same form.
func Canonical(ref string) string {
	if ref == "lab" {
		return ref
	}
	if IsLocal(ref) {
		transport, path, _ := strings.Cut(ref, ":")
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return transport + ":" + path
	}
	for _, prefix := range []string{"index.docker.io/", "docker.io/", "library/"} {
		ref = strings.TrimPrefix(ref, prefix)
	}
	if !strings.Contains(ref[strings.LastIndex(ref, "/")+1:], ":") {
		ref += ":latest"
	}
	return ref
}

func (s *Store) imagePath(ref, platform string) string {
	sum := sha256.Sum256([]byte(ref + " " + platform))
	return s.path("images", hex.EncodeToString(sum[:16]))
}

// Image finds an image by its canonical reference. It returns nil if there is none,
// or if a layer of it is missing.
func (s *Store) Image(ref, platform string) (*Image, error) {
	img, err := readImage(s.imagePath(ref, platform))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !s.complete(img) {
		return nil, nil
	}
	return img, nil
}

// complete reports whether the store has all layers of an image.
func (s *Store) complete(img *Image) bool {
	for _, id := range img.Layers {
		if !s.HasLayer(id) {
			return false
		}
	}
	return true
}

func readImage(path string) (*Image, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	img := new(Image)
	if err := json.Unmarshal(content, img); err != nil {
		return nil, fmt.Errorf("store: image %s: %w", path, err)
	}
	return img, nil
}

// SetImage says what a reference stands for from now on.
func (s *Store) SetImage(img *Image) error {
	content, err := json.Marshal(img)
	if err != nil {
		return err
	}
	return writeFile(s.imagePath(img.Ref, img.Platform), content)
}

// Images lists all images.
func (s *Store) Images() ([]*Image, error) {
	entries, err := os.ReadDir(s.path("images"))
	if err != nil {
		return nil, err
	}
	var images []*Image
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		img, err := readImage(s.path("images", entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned meanwhile
		}
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}
