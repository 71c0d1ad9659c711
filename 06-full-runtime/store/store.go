// Package store keeps images unpacked, so that they are pulled once.
//
//	STORE/MAP/            one store for each id map, as files have other owners in each
//	    idmap             the map
//	    lock              shared by whoever is about to use a layer, exclusive to prune
//	    refs/KEY          what a reference stands for, and its layers
//	    chains/ID/        a layer, by its chain ID
//	        tree/         what overlayfs wrote when it was unpacked over those below
//	        layer.json    its size, and what could not be unpacked
//	    flat/ID/          all layers in one tree, where overlayfs cannot write
//	    new/ID/           where a pull has layers until they are complete
//	    locks/ID          held by that pull
//	    containers/NAME/  a running container's, see package state
//
// Whatever is under its final name is complete: it was made elsewhere and renamed.
// What is not is a dead process's if nobody holds its lock, and whoever comes next
// removes it.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/sys/user"

	"example.com/container-go/06-full-runtime/userns"
)

// Store is the part of a store that belongs to one id map.
type Store struct {
	Dir string
	Map userns.Map
}

// DefaultDir is where the store is: CONTAINER_GO_STORE, or /var/lib/container-go
// for root, or container-go in the user's data (XDG base directory specification).
// Root of a user namespace is still that user. It is "" for who has no home.
func DefaultDir() string {
	if dir := os.Getenv("CONTAINER_GO_STORE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 && userns.Initial() {
		return "/var/lib/container-go"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "container-go")
	}
	home := os.Getenv("HOME")
	if home == "" { // only then is /etc/passwd worth reading
		u, err := user.CurrentUser()
		if err != nil || u.Home == "" {
			return ""
		}
		home = u.Home
	}
	return filepath.Join(home, ".local/share/container-go")
}

// Open opens the part of the store in dir that belongs to an id map, which is made
// if it does not exist. Nobody but its user can enter it: images hold setuid
// programs (compare CVE-2021-41091).
func Open(dir string, ids userns.Map) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{filepath.Join(dir, ids.Name()), ids}
	content, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"refs", "containers"} {
		if err := os.MkdirAll(s.Path(name), 0o700); err != nil {
			return nil, &makeError{err}
		}
	}
	if there, err := os.ReadFile(s.Path("idmap")); err == nil && bytes.Equal(there, content) {
		return s, nil
	}
	return s, writeFile(s.Path("idmap"), content)
}

// OpenAll opens the parts of the store in dir that exist. With an error it returns
// those that can be opened.
func OpenAll(dir string) ([]*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*Store
	var failed error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue // whatever else somebody keeps here
		}
		s, err := Load(filepath.Join(dir, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		all = append(all, s)
	}
	return all, failed
}

// Load opens the part of a store that is in a directory.
func Load(dir string) (*Store, error) {
	s := &Store{Dir: dir}
	content, err := os.ReadFile(s.Path("idmap"))
	if err == nil {
		err = json.Unmarshal(content, &s.Map)
	}
	if err != nil {
		return nil, fmt.Errorf("store %s: idmap: %w", dir, err)
	}
	return s, nil
}

// Path is a path below the store's directory.
func (s *Store) Path(names ...string) string {
	return filepath.Join(append([]string{s.Dir}, names...)...)
}

// writeFile writes a file that is complete as soon as it has its name.
func writeFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// makeError is a store that cannot be made, for package advice.
type makeError struct{ error }

func (e *makeError) Unwrap() error { return e.error }
func (e *makeError) Step() string  { return "make the store" }
