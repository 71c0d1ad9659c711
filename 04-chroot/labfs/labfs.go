// Package labfs makes a small root filesystem out of the machine it runs on:
// the machine's own shell, a handful of tools, the shared libraries they
// need, and the few directories, device files and /etc files a shell expects.
//
// A container needs a root filesystem, and the usual ways to get one are to
// download an image or to bootstrap a distribution. A lab machine may have
// neither network nor time for that, but it always has a working /bin/sh.
package labfs

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// File is one entry of the root filesystem.
type File struct {
	Path string      // where it stands in the root filesystem, absolute and clean: "/bin/sh"
	Mode fs.FileMode // type and permission bits

	Source       string // regular file: the host's file to copy; "" when Content holds the bytes
	Content      []byte // regular file without a Source
	Target       string // symbolic link
	Major, Minor uint32 // device
}

// Plan lists what the root filesystem consists of, parents before children.
// The same machine gives the same list.
func Plan() ([]File, error) {
	tools, err := findTools(binDirs)
	if err != nil {
		return nil, err
	}
	libraries, err := findLibraries(tools)
	if err != nil {
		return nil, err
	}
	files := addParents(slices.Concat(skeleton, tools, libraries))
	// A directory's name is a prefix of its children's names, so sorting by
	// name is enough to put it before them.
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// addParents adds the directories that files stand in but do not list, which
// are those of the libraries: where they are is the host's choice.
func addParents(files []File) []File {
	listed := map[string]bool{"/": true}
	for _, f := range files {
		listed[f.Path] = true
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); !listed[dir]; dir = path.Dir(dir) {
			listed[dir] = true
			files = append(files, File{Path: dir, Mode: fs.ModeDir | 0o755})
		}
	}
	return files
}
