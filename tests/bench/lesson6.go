package main

import (
	"path/filepath"

	"example.com/container-go/tests/bench/starter"
)

func (b *bench) lesson6(l launch) (starter.Command, error) {
	return b.withImage(b.programs.runtime, l)
}

// otherLesson6 runs the program of -also with stores of its own, whose form may be
// another one.
func (b *bench) otherLesson6(l launch) (starter.Command, error) {
	l.store = "other-" + l.store
	return b.withImage(b.programs.other, l)
}

// withImage is a run of lesson 6, whose image is in the store.
func (b *bench) withImage(program string, l launch) (starter.Command, error) {
	dir, err := b.home(l.who)
	if err != nil {
		return starter.Command{}, err
	}
	if l.ref == "" {
		if l.ref, err = b.images.small(); err != nil {
			return starter.Command{}, err
		}
	}
	// A store in the user's home, which lesson 6 makes.
	store := filepath.Join(dir, "home", "store-"+l.store)
	if key := store + " " + l.ref; !b.stores[key] {
		if _, err := b.once(b.lesson6In(program, store, l.who, l.ref, "true")); err != nil {
			return starter.Command{}, err
		}
		b.stores[key] = true
	}
	return b.lesson6In(program, store, l.who, l.ref, l.args...), nil
}

// lesson6In runs lesson 6 with a store, in which the image need not be.
func (b *bench) lesson6In(program, store string, w who, ref string, args ...string) starter.Command {
	line := append([]string{program, "--store=" + store, "--image=" + ref}, w.flags...)
	return b.as(w, append(line, args...)...)
}
