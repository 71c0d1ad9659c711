package main

import (
	"fmt"
	"io"
	"slices"
)

// writeSummary writes what the front page shows.
func (r *report) writeSummary(w io.Writer) {
	for _, s := range r.Sections {
		if !slices.Contains(s.Ratios, ratioOfLesson6) {
			continue
		}
		fmt.Fprintln(w)
		head, rows := s.summary()
		writeTable(w, head, rows)
	}
}

// summary is a table for the front page: a line for each user or place, and a column
// for each program, with lesson 6's time divided by that program's.
func (s section) summary() (head []string, rows [][]string) {
	column := slices.Index(s.Ratios, ratioOfLesson6)
	head = []string{s.Name, lesson6}
	for _, r := range s.Rows {
		if r.Subject != lesson6 && !slices.Contains(head, r.Subject) {
			head = append(head, r.Subject)
		}
	}
	for _, r := range s.Rows {
		if len(rows) == 0 || rows[len(rows)-1][0] != r.As {
			rows = append(rows, append([]string{r.As}, make([]string, len(head)-1)...))
		}
		cells := rows[len(rows)-1]
		if r.Subject == lesson6 {
			cells[1] = fmt.Sprintf("%.1f ms", r.Wall.Median*1e3)
			if s.Seconds {
				cells[1] = fmt.Sprintf("%.2f s", r.Wall.Median)
			}
		} else if ratio, ok := r.Ratios[column]; ok {
			cells[slices.Index(head, r.Subject)] = ratio.String()
		}
	}
	return head, rows
}

// ratioOfLesson6 is the title of the column that a summary shows.
const ratioOfLesson6 = "lesson 6 ÷ it"
