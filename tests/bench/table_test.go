package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	s := section{
		Title: "Starts", Note: "A note.", Subject: "program", Ratios: []string{"ours ÷ it"},
		Rows: []row{
			{As: "root", Subject: "lesson 6", Wall: spreadOf([]float64{0.010}), CPU: spreadOf([]float64{0.008})},
			{As: "root", Subject: "a | b", Wall: spreadOf([]float64{0.020}), CPU: spreadOf([]float64{0.005}),
				Ratios: map[int]spread{0: {0.4, 0.45, 0.5, 0.55, 0.6}}},
			{As: "user", Subject: "lesson 6", Wall: spreadOf([]float64{0.012}), CPU: spreadOf([]float64{0.009})},
		},
	}
	r := report{Machine: []fact{{"processors", "2"}}, Sections: []section{s},
		LeftOut: []omission{{"starts/root", "runc", "runc is not installed"}}}
	want := `processors 2.

### Starts

A note.

| as   | program  | ms   | CPU ms | ours ÷ it        |
| ---- | -------- | ---- | ------ | ---------------- |
| root | lesson 6 | 10.0 | 8.0    |                  |
|      | a \| b   | 20.0 | 5.0    | 0.50 (0.45–0.55) |
| user | lesson 6 | 12.0 | 9.0    |                  |

### What could not be measured

| measurement | program | reason                |
| ----------- | ------- | --------------------- |
| starts/root | runc    | runc is not installed |
`
	var b strings.Builder
	r.markdown(&b)
	if got := b.String(); got != want {
		t.Errorf("markdown wrote\n%s\nwant\n%s", got, want)
	}
}

func TestTableOfPulls(t *testing.T) {
	s := section{Subject: "program", Seconds: true, Memory: true, Ratios: []string{"5", "6"}, Rows: []row{
		{As: "disk", Subject: "podman", Wall: spreadOf([]float64{2}), CPU: spreadOf([]float64{1.5}),
			Peak: spreadOf([]float64{40 << 20}), Ratios: map[int]spread{1: {1, 1, 1, 1, 1}}},
	}}
	head, rows := s.cells()
	if got, want := strings.Join(head, ","), "what,program,s,CPU s,MiB,5,6"; got != want {
		t.Errorf("the head is %s, want %s", got, want)
	}
	if got, want := strings.Join(rows[0], ","), "disk,podman,2.00,1.50,40,,1.00 (1.00–1.00)"; got != want {
		t.Errorf("the row is %s, want %s", got, want)
	}
}

func TestWrap(t *testing.T) {
	if got, want := wrap("one two  three\nfour", 9), "one two\nthree\nfour"; got != want {
		t.Errorf("wrap = %q, want %q", got, want)
	}
	if got, want := wrap("ÄÖÜ é", 5), "ÄÖÜ é"; got != want {
		t.Errorf("wrap counts bytes: %q, want %q", got, want)
	}
}
