package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// markdown writes the report as it stands in a README.
func (r *report) markdown(w io.Writer) {
	var facts []string
	for _, f := range r.Machine {
		facts = append(facts, f.Name+" "+f.Value)
	}
	fmt.Fprintf(w, "%s.\n", wrap(strings.Join(facts, "; "), 88))
	r.writeSummary(w)
	for _, s := range r.Sections {
		fmt.Fprintf(w, "\n### %s\n\n%s\n\n", s.Title, wrap(s.Note, 88))
		head, rows := s.cells()
		writeTable(w, head, rows)
	}
	if len(r.Walls) > 0 {
		writeWalls(w, r.Walls)
	}
	if len(r.Init) > 0 {
		writeInit(w, r.Init)
	}
	if len(r.LeftOut) > 0 {
		fmt.Fprint(w, "\n### What could not be measured\n\n")
		var rows [][]string
		for _, o := range r.LeftOut {
			rows = append(rows, []string{o.What, o.Who, o.Reason})
		}
		writeTable(w, []string{"measurement", "program", "reason"}, rows)
	}
}

// cells are a section's table. A value that stands in the row above is left out.
func (s section) cells() (head []string, rows [][]string) {
	unit, scale, digits := "ms", 1e3, 1
	if s.Seconds {
		unit, scale, digits = "s", 1, 2
	}
	head = []string{"as", s.Subject, unit, "CPU " + unit}
	if s.Memory {
		head[0] = "what"
		head = append(head, "MiB")
	}
	head = append(head, s.Ratios...)
	above := ""
	for _, r := range s.Rows {
		as := r.As
		if as == above {
			as = ""
		}
		above = r.As
		cells := []string{as, r.Subject,
			fmt.Sprintf("%.*f", digits, r.Wall.Median*scale), fmt.Sprintf("%.*f", digits, r.CPU.Median*scale)}
		if s.Memory {
			cells = append(cells, fmt.Sprintf("%.0f", r.Peak.Median/(1<<20)))
		}
		for column := range s.Ratios {
			cell := ""
			if ratio, ok := r.Ratios[column]; ok {
				cell = ratio.String()
			}
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	return head, rows
}

// writeTable writes a table whose columns are aligned for readers of the source.
func writeTable(w io.Writer, head []string, rows [][]string) {
	widths := make([]int, len(head))
	rule := make([]string, len(head))
	for _, cells := range append([][]string{head}, rows...) {
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
			widths[i] = max(widths[i], 3, utf8.RuneCountInString(cells[i]))
		}
	}
	for i := range rule {
		rule[i] = strings.Repeat("-", widths[i])
	}
	for _, cells := range append([][]string{head, rule}, rows...) {
		var line strings.Builder
		for i, cell := range cells {
			line.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + " ")
		}
		fmt.Fprintln(w, line.String()+"|")
	}
}

// wrap breaks a text into lines.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+length > width:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += length
	}
	return b.String()
}
