package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Limits is what all the processes of a container together may use. Zero means
// as much as there is.
type Limits struct {
	Memory int64   // bytes; there is no swap beyond it
	CPUs   float64 // processors' worth of time, 0.01 at least
	Pids   int64   // processes and threads
}

// Any reports whether there is a limit at all, and so a need for a group.
func (l Limits) Any() bool { return l != Limits{} }

// setting is a line in a file of a group.
type setting struct{ controller, file, value string }

// settings are the limits as cgroup-v2.rst has them under "Controllers".
func (l Limits) settings() []setting {
	var s []setting
	if l.CPUs != 0 {
		// Microseconds of processor time, in each period of so many. Of the quota a
		// millisecond is the least.
		const period = 100_000
		s = append(s, setting{"cpu", "cpu.max", fmt.Sprintf("%d %d", int64(l.CPUs*period), period)})
	}
	if l.Memory != 0 {
		s = append(s,
			setting{"memory", "memory.max", strconv.FormatInt(l.Memory, 10)},
			setting{"memory", "memory.swap.max", "0"})
	}
	if l.Pids != 0 {
		s = append(s, setting{"pids", "pids.max", strconv.FormatInt(l.Pids, 10)})
	}
	return s
}

func (s setting) write(group string) error {
	err := write(filepath.Join(group, s.file), s.value)
	if s.file == "memory.swap.max" && errors.Is(err, os.ErrNotExist) {
		return nil // without swap, or told to not account for it, the kernel has no such file
	}
	return err
}

// controllers lists those that the settings are for.
func controllers(settings []setting) []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.controller)
	}
	return slices.Compact(names)
}
