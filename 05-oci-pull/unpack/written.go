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
	hashes []uint64 // a table, with 0 where it is free
	count  int
}

func newWritten() *written { return &written{seed: maphash.MakeSeed(), hashes: make([]uint64, 64)} }

func (w *written) add(p place) {
	if w.count >= len(w.hashes)*3/4 {
		old := w.hashes
		w.hashes = make([]uint64, 2*len(old))
		for _, h := range old {
			if h != 0 {
				*w.find(h) = h
			}
		}
	}
	h := w.hash(p)
	if at := w.find(h); *at == 0 {
		*at = h
		w.count++
	}
}

func (w *written) has(p place) bool { return *w.find(w.hash(p)) != 0 }

func (w *written) hash(p place) uint64 { return maphash.Comparable(w.seed, p) | 1<<63 }

// find gives the place of h in the table, or a free one for it.
func (w *written) find(h uint64) *uint64 {
	for i := h; ; i++ {
		at := &w.hashes[i%uint64(len(w.hashes))]
		if *at == 0 || *at == h {
			return at
		}
	}
}

// pure notes, and isPure tells, that a directory holds nothing of the layers below.
func (w *written) pure(dir inode)        { w.add(place{dir, ""}) }
func (w *written) isPure(dir inode) bool { return w.has(place{dir, ""}) }

// copiedUp notes, and isCopiedUp tells, that this layer has a copy of a file of the
// layers below, made for a hard link to it. No name ends in a slash.
func (w *written) copiedUp(file place)        { w.add(place{file.dir, file.name + "/"}) }
func (w *written) isCopiedUp(file place) bool { return w.has(place{file.dir, file.name + "/"}) }
