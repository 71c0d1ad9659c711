package main

import (
	"fmt"

	"example.com/container-go/tests/bench/starter"
)

// together is how many containers start at once.
const together = 30

// atOnce measures 30 starts at once against 30 times one start.
func (b *bench) atOnce() error {
	table := section{
		Name:  "at-once",
		Title: fmt.Sprintf("%d starts at once", together),
		Note: fmt.Sprintf("The ratio is the time until the last of %d containers has ended, divided by %d times the time of one start in the same round.",
			together, together),
		Subject: "program", Ratios: []string{fmt.Sprintf("÷ %d × one", together)},
	}
	for _, w := range growers {
		what := "at-once/" + w.key
		if !b.wanted(what) {
			continue
		}
		for _, r := range b.installed(what) {
			if r.program == "podman" {
				continue // half a minute a round would tell nothing about us
			}
			all, err := b.measure(what+" "+r.name, max(2, b.options.runs/4), []subject{
				b.manySubject("one", r, w, 1), b.manySubject(r.name, r, w, together),
			})
			if err != nil {
				return err
			}
			if len(all) < 2 {
				continue
			}
			row := newRow(w.title, all[1])
			over := ratios(all[1].walls(), all[0].walls())
			for i := range over {
				over[i] /= together
			}
			row.ratio(0, over)
			table.Rows = append(table.Rows, row)
		}
	}
	b.report.add(table)
	return nil
}

// manySubject starts a program several times at once.
func (b *bench) manySubject(name string, r runner, w who, count int) subject {
	return subject{name: name, commands: func() ([]starter.Command, error) {
		commands := make([]starter.Command, count)
		for i := range commands {
			var err error
			if commands[i], err = r.command(b, launch{who: w, args: []string{"true"}}); err != nil {
				return nil, err
			}
		}
		return commands, nil
	}}
}
