package unpack

import "hash/maphash"

// A place is a name in a directory. The directory is identified by its inode
// because several paths can lead to it, through symlinks. On an overlay the
// number of a directory's inode stays when the directory is copied up, provided
// that all layers are on one filesystem, as ours are. A file's does not, if the
// file has several names.
type place struct {
	dir  inode
	name string
}

// written is what a layer has put into the tree, which its own whiteouts do not
// hide. So that a layer with a million files takes little memory it is a set of
// hashes, and has no names in directories that hold nothing of the layers below:
// there, nothing can be hidden.
type written struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newWritten() written { return written{maphash.MakeSeed(), map[uint64]struct{}{}} }

func (w written) add(p place) { w.hashes[maphash.Comparable(w.seed, p)] = struct{}{} }

func (w written) has(p place) bool {
	_, ok := w.hashes[maphash.Comparable(w.seed, p)]
	return ok
}

// pure notes, and isPure tells, that a directory holds nothing of the layers below.
func (w written) pure(dir inode)        { w.add(place{dir, ""}) }
func (w written) isPure(dir inode) bool { return w.has(place{dir, ""}) }

// copiedUp notes, and isCopiedUp tells, that this layer has a copy of a file of the
// layers below, made for a hard link to it. No name ends in a slash.
func (w written) copiedUp(file place)        { w.add(place{file.dir, file.name + "/"}) }
func (w written) isCopiedUp(file place) bool { return w.has(place{file.dir, file.name + "/"}) }
