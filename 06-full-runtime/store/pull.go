package store

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Pull brings the layers of an image that the store lacks. Until Keep they are in a
// directory of their own, which only the holder of its lock uses.
type Pull struct {
	Flat    bool     // all layers go into one tree
	Reason  string   // why
	Below   []string // the trees of the layers that the store has, lowest first
	Trees   []string // where the others go, or the one tree; empty directories
	LeftOut []string // of the layers that the store has
	Infos   []LayerInfo
	Dir     string
	Lock    *os.File // what has it open keeps other processes from Dir

	store   *Store
	missing []string // the names of Trees
}

// Missing is the number of the image's layers that are still to come. They are the
// highest ones: a layer cannot be unpacked without those below.
func (p *Pull) Missing() int { return len(p.missing) }

// Begin begins to pull the layers with these chain IDs. Of several processes that want
// the same layers one does the work, and the others wait; waiting is called with the
// lowest layer that is still missing.
func (s *Store) Begin(ctx context.Context, chain []string, waiting func(layer int)) (*Pull, error) {
	for _, name := range []string{layered, flat, "new", "locks"} {
		if err := os.MkdirAll(s.Path(name), 0o700); err != nil {
			return nil, &makeError{err}
		}
	}
	if err := s.removeDeadPulls(); err != nil {
		return nil, err
	}
	reason, err := s.noUpper(ctx)
	if err != nil {
		return nil, err
	}
	p := &Pull{store: s, Flat: reason != "", Reason: reason}
	for {
		p.have(chain)
		if len(p.missing) == 0 {
			return p, nil
		}
		lowest := p.missing[0]
		held, err := takeLock(ctx, s.Path("locks", lowest), unix.LOCK_EX, func() { waiting(len(p.Below)) })
		if err != nil {
			return nil, err
		}
		if p.have(chain); len(p.missing) > 0 && p.missing[0] == lowest {
			p.Lock, p.Dir = held.file, s.Path("new", lowest)
			if err := p.make(); err != nil {
				return nil, errors.Join(err, p.End())
			}
			return p, nil
		}
		held.Release()
	}
}

// have looks which layers the store has.
func (p *Pull) have(chain []string) {
	if p.Flat {
		chain = chain[len(chain)-1:]
	}
	p.Below, p.Infos, p.LeftOut = nil, nil, nil
	for i, id := range chain {
		info, err := p.store.layerInfo(formOf(p.Flat), id)
		if err != nil {
			p.missing = chain[i:]
			return
		}
		p.Below = append(p.Below, p.store.Path(formOf(p.Flat), id, "tree"))
		p.Infos, p.LeftOut = append(p.Infos, info), info.LeftOut
	}
	p.missing = nil
}

// make makes the directories: one for each layer, and what overlayfs needs to work.
func (p *Pull) make() error {
	if err := p.store.RemoveTree(p.Dir); err != nil {
		return err
	}
	if err := os.Mkdir(p.Dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"root", "work"} {
		if err := p.store.MakeTop(filepath.Join(p.Dir, name)); err != nil {
			return err
		}
	}
	for _, id := range p.missing {
		if err := os.Mkdir(filepath.Join(p.Dir, id), 0o700); err != nil {
			return err
		}
		tree := filepath.Join(p.Dir, id, "tree")
		if err := p.store.MakeTop(tree); err != nil {
			return err
		}
		p.Trees = append(p.Trees, tree)
	}
	return p.store.LetIn(p.Dir)
}

// Keep gives the layers their names, lowest first, after all of them have reached the
// disk. Only then does a name stand for a whole layer also after a power failure.
// A volatile overlay does not sync what it wrote, so we sync the filesystem below it.
func (p *Pull) Keep(infos []LayerInfo) error {
	for i, id := range p.missing {
		content, err := json.Marshal(infos[i])
		if err == nil {
			err = os.WriteFile(filepath.Join(p.Dir, id, "layer.json"), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	if err := syncFilesystem(p.Dir); err != nil {
		return err
	}
	for _, id := range p.missing {
		name := p.store.Path(formOf(p.Flat), id)
		// What is in its place, if anything, is damaged.
		if err := errors.Join(p.store.RemoveTree(name), os.Rename(filepath.Join(p.Dir, id), name)); err != nil {
			return err
		}
	}
	p.Infos = append(p.Infos, infos...)
	return nil
}

// End removes what was not kept, and lets other processes pull the same layers.
func (p *Pull) End() error {
	if p.Lock == nil {
		return nil
	}
	defer p.Lock.Close()
	return p.store.RemoveTree(p.Dir)
}

// removeDeadPulls removes what pulls have left that were killed.
func (s *Store) removeDeadPulls() error {
	entries, err := os.ReadDir(s.Path("new"))
	for _, entry := range entries {
		held, lockErr := tryLock(s.Path("locks", entry.Name()), unix.LOCK_EX)
		if held != nil {
			lockErr = s.RemoveTree(s.Path("new", entry.Name()))
			held.Release()
		}
		err = errors.Join(err, lockErr)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
