package main

import (
	"fmt"
	"strings"
)

// check asks the machine one thing.
type check struct {
	name string
	run  func(*patient) finding
}

// verdict is what an answer means for the lessons.
type verdict int

const (
	fine    verdict = iota
	limited         // the lessons work; something beside them does not
	missing         // a lesson does not work
	untried         // it needs what is missing already
)

func (v verdict) String() string {
	return [...]string{"fine", "limited", "MISSING", "not tried"}[v]
}

// finding is the answer.
type finding struct {
	verdict verdict
	text    string // what was found
	affects string // which lessons, flags or tests
	mend    string // the command that mends it
}

func ok(format string, args ...any) finding {
	return finding{verdict: fine, text: fmt.Sprintf(format, args...)}
}

// format makes a line of a finding, and two more if something has to be done.
func (f finding) format(name string) string {
	text := strings.ReplaceAll(strings.TrimSpace(f.text), "\n", "; ")
	lines := fmt.Sprintf("%-10s%-19s%s\n", f.verdict, name, text)
	if f.affects != "" {
		lines += fmt.Sprintf("%29saffects  %s\n", "", f.affects)
	}
	if f.mend != "" {
		lines += fmt.Sprintf("%29smend     %s\n", "", f.mend)
	}
	return lines
}
