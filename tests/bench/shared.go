package main

import (
	"path/filepath"

	"example.com/container-go/tests/bench/starter"
)

// shared measures the pull of a second image that has all but the last of its twelve
// layers in common with a first one, which is already there. Lesson 5 and crane.Export
// keep no layers, so they have no second pull.
func (b *bench) shared() error {
	table := section{
		Name:    "shared",
		Title:   "A second image that shares the lowest 11 of 12 layers",
		Note:    "The first image is there already. Its pull is not counted.",
		Subject: "program", Seconds: true, Memory: true, Ratios: []string{ratioOfLesson6},
	}
	for _, place := range []string{"disk", inMemory} {
		what := "pulls/" + place + "/shared"
		if !b.wanted(what) {
			continue
		}
		all, err := b.measureShared(what, place)
		if err != nil {
			return err
		}
		ours := find(all, lesson6)
		for _, s := range all {
			r := newRow(place, s)
			if ours != nil && s.name != lesson6 {
				r.ratio(0, ratios(ours.walls(), s.walls()))
			}
			table.Rows = append(table.Rows, r)
		}
	}
	b.report.add(table)
	return nil
}

func (b *bench) measureShared(what, place string) ([]series, error) {
	first, err := b.images.layered()
	if err != nil {
		return nil, err
	}
	second, err := b.images.sibling()
	if err != nil {
		return nil, err
	}
	dir, err := b.place(place)
	if err != nil {
		return nil, err
	}
	target := filepath.Join(dir, "target")
	var subjects []subject
	for _, p := range b.pullers() {
		if !p.keeps || p.missing != "" {
			continue
		}
		subjects = append(subjects, subject{
			name: p.name,
			prepare: func() error {
				if err := b.renew(target); err != nil {
					return err
				}
				_, err := b.once(p.command(target, first))
				return err
			},
			commands: func() ([]starter.Command, error) {
				return []starter.Command{p.command(target, second)}, nil
			},
		})
	}
	all, err := b.measure(what, b.options.pulls, subjects)
	if err != nil {
		return nil, err
	}
	return all, b.renew(target)
}
