package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// report is all that was found out.
type report struct {
	Machine  []fact
	Sections []section
	Walls    []wallRow
	Init     []initRow
	LeftOut  []omission
}

// fact is one line about the machine.
type fact struct{ Name, Value string }

// section is a table of times.
type section struct {
	Name, Title, Note string
	Subject           string   // title of the second column
	Seconds           bool     // or else milliseconds
	Memory            bool     // with a column for the peak
	Ratios            []string // titles of the ratios' columns
	Rows              []row
}

// row is one program's or one condition's series.
type row struct {
	As      string // title of the first column's value: a user or a place
	Subject string
	Wall    spread // seconds
	CPU     spread
	Peak    spread // bytes
	Ratios  map[int]spread
	Runs    []sample
}

// omission is what could not be measured.
type omission struct{ What, Who, Reason string }

func newRow(as string, s series) row {
	return row{
		As: as, Subject: s.name, Ratios: map[int]spread{}, Runs: s.runs,
		Wall: spreadOf(s.walls()),
		CPU:  spreadOf(s.numbers(func(one sample) float64 { return one.CPU })),
		Peak: spreadOf(s.numbers(func(one sample) float64 { return one.Peak })),
	}
}

// ratio fills one of the section's columns.
func (r *row) ratio(column int, pairs []float64) { r.Ratios[column] = spreadOf(pairs) }

// add adds a section, unless nothing in it was wanted.
func (r *report) add(s section) {
	if len(s.Rows) > 0 {
		r.Sections = append(r.Sections, s)
	}
}

// leaveOut notes that something could not be measured.
func (r *report) leaveOut(what, who, reason string) {
	r.LeftOut = append(r.LeftOut, omission{what, who, reason})
	fmt.Fprintf(os.Stderr, "bench: %s: left out %s: %s\n", what, who, reason)
}

// describe fills in the facts about the machine.
func (b *bench) describe() {
	facts := []fact{
		{"date", time.Now().Format("2006-01-02")},
		{"machine", machine()},
		{"processors", fmt.Sprint(runtime.NumCPU())},
		{"kernel", output("uname", "-sr")},
		{"disk", output("findmnt", "--noheadings", "--output=FSTYPE", "--target="+b.dir)},
		{"Go", runtime.Version()},
	}
	seen := map[string]bool{}
	for _, r := range runners {
		if r.program != "" && r.missing() == "" && !seen[r.program] {
			seen[r.program] = true
			facts = append(facts, fact{r.program, versionNumber(output(r.program, "--version"))})
		}
	}
	facts = append(facts,
		fact{"rounds", fmt.Sprintf("%d starts, %d pulls, after one that is not counted", b.options.runs, b.options.pulls)})
	if b.options.quick {
		facts = append(facts, fact{"quick", "few rounds and small images: the numbers are for trying the benchmark"})
	}
	b.report.Machine = facts
}

// machine is the processor's name, and the machine's where the firmware tells it.
func machine() string {
	name := ""
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(value)
			break
		}
	}
	product, _ := os.ReadFile("/sys/class/dmi/id/product_name")
	return strings.Trim(strings.TrimSpace(string(product))+", "+name, ", ")
}

// output is the first line that a command prints.
func output(name string, args ...string) string {
	content, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
	return first
}

// versionNumber is the first word with a digit, like 1.1.5 of "runc version 1.1.5".
func versionNumber(line string) string {
	for _, word := range strings.Fields(line) {
		if strings.ContainsAny(word, "0123456789") {
			return word
		}
	}
	return line
}
