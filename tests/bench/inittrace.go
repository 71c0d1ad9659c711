package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"example.com/container-go/tests/bench/starter"
)

// startedAs are the names that lesson 6's program is started under. PID 1's half and
// the janitor end in an init function. Started by us, the first ends as soon as it
// sees that it is not PID 1, and the second when it cannot answer the process that
// started it. By then the packages before theirs have been initialized, which is what
// we count. If lesson 6 no longer knows a name, it prints its help.
var startedAs = []struct{ title, name string }{
	{"PID 1's half", "container-init"},
	{"the janitor", "container-go-janitor-container"},
	{parentsHalf, "06-full-runtime"},
}

const parentsHalf = "the parent's half"

// initRow is what is initialized before a half of lesson 6 begins.
type initRow struct {
	Title    string
	Packages int
	Clock    spread // seconds in init functions
	Kilobyte float64
}

// traceInit counts what is initialized, by Go's own trace of it (package runtime,
// GODEBUG, inittrace).
func (b *bench) traceInit() error {
	if !b.wanted("init") {
		return nil
	}
	for _, s := range startedAs {
		b.say("init: %s", s.title)
		row := initRow{Title: s.title}
		var clocks []float64
		for range b.options.runs {
			if b.ctx.Err() != nil {
				return b.ctx.Err()
			}
			results, _, err := b.starter.Run(starter.Command{
				Path: b.programs.runtime, Args: []string{s.name, "--help"}, Env: append(b.environment(root), "GODEBUG=inittrace=1"),
			})
			if err != nil {
				return err
			}
			if s.title != parentsHalf && strings.Contains(results[0].Output, "Usage:") {
				row.Packages = 0
				break
			}
			packages, clock, bytes := parseInit(results[0].Output)
			row.Packages, row.Kilobyte = packages, bytes/1e3
			clocks = append(clocks, clock)
		}
		row.Clock = spreadOf(clocks)
		if row.Packages == 0 {
			b.report.leaveOut("init", s.title, "lesson 6 does not know the name "+s.name+" (inittrace.go)")
			continue
		}
		b.report.Init = append(b.report.Init, row)
	}
	return nil
}

// parseInit adds up lines like
//
//	init net/http @4.5 ms, 0.25 ms clock, 14080 bytes, 97 allocs
func parseInit(trace string) (packages int, clock, bytes float64) {
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[0] != "init" {
			continue
		}
		packages++
		milliseconds, _ := strconv.ParseFloat(fields[4], 64)
		clock += milliseconds / 1e3
		size, _ := strconv.ParseFloat(fields[7], 64)
		bytes += size
	}
	return packages, clock, bytes
}

func writeInit(w io.Writer, init []initRow) {
	fmt.Fprintf(w, "\n### What lesson 6 initializes before it begins\n\n%s\n\n",
		wrap("Packages with an init function or variables to initialize, from GODEBUG=inittrace=1.", 88))
	var rows [][]string
	for _, row := range init {
		rows = append(rows, []string{row.Title, fmt.Sprint(row.Packages),
			fmt.Sprintf("%.2f", row.Clock.Median*1e3), fmt.Sprintf("%.0f", row.Kilobyte)})
	}
	writeTable(w, []string{"started as", "packages", "ms", "kB allocated"}, rows)
}
