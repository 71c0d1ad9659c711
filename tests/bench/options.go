package main

import (
	"flag"
	"fmt"
	"regexp"
)

// options are what the command line asks for.
type options struct {
	runs, pulls  int // rounds
	files, small int // of the large image; images in the full store
	only         *regexp.Regexp
	quick, json  bool
	dir          string
	program      string // to measure as lesson 6; "" is to build it
	other        string // a second one
}

func parse(args []string) (options, error) {
	o := options{files: 9000, small: 1000}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.IntVar(&o.runs, "runs", 20, "measure `N` rounds of starts")
	flags.IntVar(&o.pulls, "pulls", 7, "measure `N` rounds of pulls")
	flags.BoolVar(&o.quick, "quick", false, "few rounds and small images, to try the benchmark")
	flags.BoolVar(&o.json, "json", false, "print JSON with every run instead of tables")
	only := flags.String("only", "", "measure what matches a `REGEXP`, like starts, growth/store, at-once/root, pulls/tmpfs, walls or init")
	flags.StringVar(&o.dir, "dir", "/var/tmp", "`DIR` on a disk, for stores and images")
	flags.StringVar(&o.program, "program", "", "measure this `PROGRAM` as lesson 6 and do not build it")
	flags.StringVar(&o.other, "also", "", "measure this `PROGRAM` as a second lesson 6")
	_ = flags.Parse(args) // ExitOnError
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q, see -help", flags.Arg(0))
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if o.quick {
		o.files, o.small = 900, 30
		chosen := map[string]bool{}
		flags.Visit(func(f *flag.Flag) { chosen[f.Name] = true })
		if !chosen["runs"] {
			o.runs = 4
		}
		if !chosen["pulls"] {
			o.pulls = 2
		}
	}
	if o.runs < 1 || o.pulls < 1 {
		return o, fmt.Errorf("-runs %d, -pulls %d: at least one round is needed", o.runs, o.pulls)
	}
	return o, nil
}

// wanted reports whether -only selects a measurement.
func (b *bench) wanted(name string) bool { return b.options.only.MatchString(name) }
