package main

import (
	"fmt"

	"example.com/container-go/tests/bench/starter"
)

// subject is one of the programs, or of the conditions, that take turns.
type subject struct {
	name string
	// prepare comes before each run and is not measured.
	prepare func() error
	// commands are started at once. The run is over when all of them have ended.
	commands func() ([]starter.Command, error)
}

// series is what one subject took, round by round.
type series struct {
	name string
	runs []sample
}

// sample is one run.
type sample struct {
	Wall float64 // in seconds
	CPU  float64
	Peak float64 // in bytes
}

// measure runs the subjects in turn, A B C A B C, after one round to warm up that is
// not counted. A subject that fails is left out, and the report says why.
func (b *bench) measure(what string, rounds int, subjects []subject) ([]series, error) {
	all := make([]series, len(subjects))
	failed := map[int]bool{}
	for round := range rounds + 1 {
		b.say("%s: round %d of %d", what, round, rounds)
		for i, s := range subjects {
			if failed[i] {
				continue
			}
			one, err := b.sample(s)
			if b.ctx.Err() != nil {
				return nil, b.ctx.Err()
			}
			if err != nil {
				failed[i] = true
				b.report.leaveOut(what, s.name, err.Error())
				continue
			}
			if round > 0 {
				all[i].runs = append(all[i].runs, one)
			}
		}
	}
	var good []series
	for i, s := range subjects {
		if all[i].name = s.name; !failed[i] {
			good = append(good, all[i])
		}
	}
	return good, nil
}

// sample runs a subject once.
func (b *bench) sample(s subject) (sample, error) {
	if s.prepare != nil {
		if err := s.prepare(); err != nil {
			return sample{}, fmt.Errorf("prepare: %w", err)
		}
	}
	commands, err := s.commands()
	if err != nil {
		return sample{}, err
	}
	rest()
	results, wall, err := b.starter.Run(commands...)
	if err != nil {
		return sample{}, err
	}
	total := sample{Wall: wall.Seconds()}
	for i, r := range results {
		if err := failure(r, commands[i]); err != nil {
			return sample{}, err
		}
		total.CPU += r.CPU.Seconds()
		total.Peak = max(total.Peak, float64(r.Peak))
	}
	return total, nil
}

// find returns the series with a name, or nil.
func find(all []series, name string) *series {
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

func (s series) walls() []float64 {
	return s.numbers(func(one sample) float64 { return one.Wall })
}

func (s series) numbers(of func(sample) float64) []float64 {
	numbers := make([]float64, len(s.runs))
	for i, one := range s.runs {
		numbers[i] = of(one)
	}
	return numbers
}
