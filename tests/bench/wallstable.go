package main

import (
	"fmt"
	"io"
	"math/bits"
	"strings"
)

// wallRow is one wall, and what each program has of it.
type wallRow struct {
	Wall     string
	Programs []wallCell
}

type wallCell struct{ Program, Value string }

// wallUsers are the users whose containers are looked into. The other users' containers
// have the walls of one of these.
var wallUsers = []who{root, user}

// lookAtWalls fills the table of walls. What a program can see from inside its
// container is looked at there. The rest is known from the programs' code.
func (b *bench) lookAtWalls() error {
	if !b.wanted("walls") {
		return nil
	}
	b.say("walls: looking at them from inside")
	host := hostNamespaces()
	table := map[string]*wallRow{}
	var order []string
	add := func(wall, program, value string) {
		if table[wall] == nil {
			table[wall] = &wallRow{Wall: wall}
			order = append(order, wall)
		}
		table[wall].Programs = append(table[wall].Programs, wallCell{program, value})
	}
	for _, r := range b.installed("walls") {
		found := map[string]probe{}
		for _, w := range wallUsers {
			p, err := b.probe(r, w)
			if b.ctx.Err() != nil {
				return b.ctx.Err()
			}
			if err != nil {
				b.report.leaveOut("walls/"+w.key, r.name, err.Error())
				continue
			}
			found[w.key] = p
			if r.name == lesson6 && w.key == root.key {
				if differs := p.contradiction(ourWalls, host); differs != "" {
					b.report.leaveOut("walls", "the comparison", "ourWalls in walls.go is not what lesson 6 has: "+differs)
				}
			}
		}
		each := func(value func(probe) string) string { return asEach(found, value) }
		for _, name := range namespaceNames {
			add(name+" ns", r.name, each(func(p probe) string { return yesNo(p.own(name, host)) }))
		}
		add("root by", r.name, r.entered)
		add("overlay mounted", r.name, r.overlay)
		add("capabilities", r.name, each(func(p probe) string { return fmt.Sprint(bits.OnesCount64(p.effective)) }))
		add("seccomp", r.name, each(func(p probe) string { return yesNo(p.filtered) }))
		add("no_new_privs", r.name, each(func(p probe) string { return yesNo(p.noNewPrivs) }))
		add("covered paths", r.name, each(func(p probe) string { return fmt.Sprint(len(p.below())) }))
		add("own /dev", r.name, each(func(p probe) string { _, own := p.mounts["/dev"]; return yesNo(own) }))
		add("program safe", r.name, r.protected)
	}
	for _, wall := range order {
		b.report.Walls = append(b.report.Walls, *table[wall])
	}
	return nil
}

// asEach is a value that both users' containers have in common, or both values.
func asEach(found map[string]probe, value func(probe) string) string {
	var values []string
	for _, w := range wallUsers {
		if p, ok := found[w.key]; ok {
			values = append(values, value(p))
		}
	}
	switch {
	case len(values) == 0:
		return "?"
	case len(values) == 2 && values[0] != values[1]:
		return values[0] + "; " + values[1]
	}
	return values[0]
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "–"
}

// writeWalls writes a column for each program, since more walls than programs would
// not fit into a line.
func writeWalls(w io.Writer, walls []wallRow) {
	fmt.Fprintf(w, "\n### The walls in this measurement\n\n%s\n\n", wrap(
		"Where there are two values, root started the first container and an ordinary user the second. "+
			"Namespaces, capabilities, seccomp, no_new_privs, covered paths and /dev were looked at from inside the container. "+
			"Covered paths are mounts below /proc and /sys that mask a path or make it read-only. "+
			"A program is safe if root in the container cannot change it (CVE-2019-5736). "+
			"The peers get the walls that lesson 6 has, as far as they can be told to.", 88))
	head := []string{"wall"}
	for _, c := range walls[0].Programs {
		head = append(head, c.Program)
	}
	var rows [][]string
	for _, row := range walls {
		cells := []string{row.Wall}
		for _, c := range row.Programs {
			cells = append(cells, strings.TrimSpace(c.Value))
		}
		rows = append(rows, cells)
	}
	writeTable(w, head, rows)
}
