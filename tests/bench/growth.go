package main

import (
	"fmt"
	"path/filepath"

	"example.com/container-go/tests/bench/starter"
)

// growers are the users whose starts are compared with themselves: root without a user
// namespace, root with one, and an ordinary user.
var growers = []who{root, userns, user}

// growth measures whether lesson 6's start grows with the image, with the store and
// with the containers that run.
func (b *bench) growth() error {
	table := section{
		Name:    "growth",
		Title:   "Does lesson 6's start grow?",
		Note:    "The ratio is the row's time divided by the time of the plain start in the same round.",
		Subject: "start", Ratios: []string{"÷ plain"},
	}
	for _, w := range growers {
		for _, g := range []struct {
			name, title string
			launch      func(who) (launch, error)
			others      int // containers that run
		}{
			{"image", fmt.Sprintf("image of %d files", b.options.files), b.largeLaunch, 0},
			{"store", fmt.Sprintf("%d images in the store", b.options.small), b.fullStoreLaunch, 0},
			{"running", "30 other containers", b.plainLaunch, 30},
		} {
			what := "growth/" + g.name + "/" + w.key
			if !b.wanted(what) {
				continue
			}
			b.say("%s: preparing", what)
			l, err := g.launch(w)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			all, err := b.measure(what, b.options.runs, []subject{
				b.launchSubject("plain", launch{who: w}, 0), b.launchSubject(g.title, l, g.others),
			})
			if err != nil {
				return err
			}
			if err := b.starter.Release(); err != nil {
				return err
			}
			if len(all) < 2 {
				continue // the report says why
			}
			grown := newRow(w.title, all[1])
			grown.ratio(0, ratios(all[1].walls(), all[0].walls()))
			table.Rows = append(table.Rows, newRow(w.title, all[0]), grown)
		}
	}
	b.report.add(table)
	return nil
}

// launchSubject starts `true` with lesson 6 while others run.
func (b *bench) launchSubject(name string, l launch, others int) subject {
	l.args = []string{"true"}
	return subject{
		name: name,
		prepare: func() error {
			if err := b.starter.Release(); err != nil || others == 0 {
				return err
			}
			return b.holdContainers(l.who, others)
		},
		commands: func() ([]starter.Command, error) {
			c, err := b.lesson6(l)
			return []starter.Command{c}, err
		},
	}
}

// holdContainers starts containers that stay until Release.
func (b *bench) holdContainers(w who, count int) error {
	c, err := b.lesson6(launch{who: w, args: []string{"sh", "-c", "echo up; read line || true"}})
	if err != nil {
		return err
	}
	commands := make([]starter.Command, count)
	for i := range commands {
		commands[i] = c
	}
	return b.starter.Hold(commands...)
}

func (b *bench) plainLaunch(w who) (launch, error) { return launch{who: w}, nil }

func (b *bench) largeLaunch(w who) (launch, error) {
	ref, err := b.images.large()
	return launch{who: w, ref: ref}, err
}

// fullStoreLaunch fills a second store with many images, and with the small one.
func (b *bench) fullStoreLaunch(w who) (launch, error) {
	l := launch{who: w, store: "full", args: []string{"true"}}
	if _, err := b.lesson6(l); err != nil {
		return l, err
	}
	store := filepath.Join(b.dir, w.key, "home", "store-full")
	for n := 1; n < b.options.small; n++ {
		ref, err := b.images.numbered(n)
		if err != nil {
			return l, err
		}
		if _, err := b.once(b.lesson6In(b.programs.runtime, store, w, ref, "true")); err != nil {
			return l, err
		}
		if n%100 == 0 {
			b.say("%d of %d images are in the store", n, b.options.small)
		}
	}
	return l, nil
}
