package main

import "example.com/container-go/tests/bench/starter"

// starts measures each program from a stored image to the end of `true`.
func (b *bench) starts() error {
	table := section{
		Name:  "starts",
		Title: "Starts: from a stored image to the end of `true`",
		Note: "The ratio is lesson 6's time divided by the other program's in the same round: " +
			"the median, and the middle half of the rounds in parentheses. Below 1, lesson 6 is faster. " +
			"CPU time is that of the processes that were waited for: podman's monitor is not among them.",
		Subject: "program", Ratios: []string{ratioOfLesson6},
	}
	for _, w := range everyone {
		what := "starts/" + w.key
		if !b.wanted(what) {
			continue
		}
		if reason := w.missing(); reason != "" {
			b.report.leaveOut(what, "all programs", reason)
			continue
		}
		all, err := b.measure(what, b.options.runs, b.startSubjects(what, w))
		if err != nil {
			return err
		}
		ours := find(all, lesson6)
		for _, s := range all {
			r := newRow(w.title, s)
			if ours != nil && s.name != lesson6 {
				r.ratio(0, ratios(ours.walls(), s.walls()))
			}
			table.Rows = append(table.Rows, r)
		}
	}
	b.report.add(table)
	return nil
}

// startSubjects are the programs that this machine has.
func (b *bench) startSubjects(what string, w who) []subject {
	var subjects []subject
	for _, r := range b.installed(what) {
		subjects = append(subjects, subject{name: r.name, commands: func() ([]starter.Command, error) {
			c, err := r.command(b, launch{who: w, args: []string{"true"}})
			return []starter.Command{c}, err
		}})
	}
	return subjects
}

// installed lists the programs that can be measured, and reports the others.
func (b *bench) installed(what string) []runner {
	var there []runner
	for _, r := range runners {
		if r.name == otherLesson && b.programs.other == "" {
			continue
		}
		if reason := r.missing(); reason != "" {
			b.report.leaveOut(what, r.name, reason)
			continue
		}
		there = append(there, r)
	}
	return there
}
