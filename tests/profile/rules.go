package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// rulesFor writes the rule of each call of the profile as Go source: the choices of
// package seccomp in lesson 6.
func rulesFor(profile *seccomp.Seccomp, arch string) (map[string]string, error) {
	choices := map[string][]choice{}
	for _, s := range profile.Syscalls {
		if s.Includes != nil && len(s.Includes.Arches) > 0 && !slices.Contains(s.Includes.Arches, arch) ||
			s.Excludes != nil && slices.Contains(s.Excludes.Arches, arch) {
			continue
		}
		c, err := newChoice(s)
		if err != nil {
			return nil, fmt.Errorf("the rule for %v: %w", s.Names, err)
		}
		for _, name := range s.Names {
			choices[name] = append(choices[name], c)
		}
	}
	rules := map[string]string{}
	for name, all := range choices {
		rules[name] = source(merge(all))
	}
	return rules, nil
}

type choice struct {
	with, without uint64
	verdict       string
	index         uint
	mask          uint64      // 0 without an argument
	values        [][2]uint32 // first and last
}

func newChoice(s *seccomp.Syscall) (c choice, err error) {
	switch {
	case s.Action == specs.ActAllow:
		c.verdict = "allow"
	case s.Action == specs.ActErrno && s.ErrnoRet != nil && *s.ErrnoRet == 38 && len(s.Args) == 0:
		c.verdict = "unknown"
	default:
		return c, fmt.Errorf("the action %s is not supported", s.Action)
	}
	if s.Includes != nil {
		// Lesson 6 needs Linux 5.12.
		if least := s.Includes.MinKernel; least != nil && least.Kernel >= 5 {
			return c, fmt.Errorf("kernel %v is not supported", least)
		}
		c.with, err = bits(s.Includes.Caps)
	}
	if s.Excludes != nil && err == nil {
		if s.Excludes.MinKernel != nil {
			return c, fmt.Errorf("excluded kernels are not supported")
		}
		// With several, any one of them excludes the rule.
		c.without, err = bits(s.Excludes.Caps)
	}
	if len(s.Args) > 1 {
		return c, fmt.Errorf("several arguments are not supported")
	}
	for _, a := range s.Args {
		c.index, c.mask = a.Index, ^uint64(0)
		first, last := a.Value, a.Value
		switch a.Op {
		case specs.OpEqualTo:
		case specs.OpLessThan:
			first, last = 0, a.Value-1
		case specs.OpMaskedEqual:
			c.mask, first, last = a.Value, a.ValueTwo, a.ValueTwo
		default:
			return c, fmt.Errorf("the operator %s is not supported", a.Op)
		}
		if last>>32 != 0 {
			return c, fmt.Errorf("the value %#x is not supported", last)
		}
		c.values = [][2]uint32{{uint32(first), uint32(last)}}
	}
	return c, err
}

// merge makes one choice of those that differ in their values, and leaves out what
// another choice contains. Those that need most come first, as the first one decides.
func merge(all []choice) (merged []choice) {
	for _, c := range all {
		same := slices.IndexFunc(merged, func(m choice) bool {
			return m.with == c.with && m.without == c.without && m.mask != 0 && m.mask == c.mask && m.index == c.index
		})
		if same >= 0 {
			merged[same].values = append(merged[same].values, c.values...)
			continue
		}
		merged = append(merged, c)
	}
	always := slices.IndexFunc(merged, func(c choice) bool { return c.with|c.without|c.mask == 0 && c.verdict == "allow" })
	if always >= 0 {
		return merged[always : always+1]
	}
	for i := range merged {
		merged[i].values = join(merged[i].values)
	}
	slices.SortStableFunc(merged, func(a, b choice) int { return strings.Compare(source([]choice{b}), source([]choice{a})) })
	return merged
}

// join sorts values and joins neighbors.
func join(values [][2]uint32) (joined [][2]uint32) {
	slices.SortFunc(values, func(a, b [2]uint32) int { return int(int64(a[0]) - int64(b[0])) })
	for _, v := range values {
		if n := len(joined); n > 0 && joined[n-1][1]+1 >= v[0] && joined[n-1][1] != ^uint32(0) {
			joined[n-1][1] = max(joined[n-1][1], v[1])
			continue
		}
		joined = append(joined, v)
	}
	return joined
}

func source(rule []choice) string {
	var choices []string
	for _, c := range rule {
		var fields []string
		if c.with != 0 {
			fields = append(fields, "with: "+names(c.with))
		}
		if c.without != 0 {
			fields = append(fields, "without: "+names(c.without))
		}
		fields = append(fields, "verdict: "+c.verdict)
		if c.mask != 0 {
			var values []string
			for _, v := range c.values {
				values = append(values, fmt.Sprintf("{%#x, %#x}", v[0], v[1]))
			}
			fields = append(fields, fmt.Sprintf("arg: &argument{%d, %#x, []values{%s}}", c.index, c.mask, strings.Join(values, ", ")))
		}
		choices = append(choices, "{"+strings.Join(fields, ", ")+"}")
	}
	return strings.Join(choices, ", ")
}

func bits(caps []string) (set uint64, err error) {
	for _, name := range caps {
		n := slices.IndexFunc(capability.ListKnown(), func(c capability.Cap) bool {
			return strings.EqualFold("CAP_"+c.String(), name)
		})
		if n < 0 {
			return 0, fmt.Errorf("there is no capability %s", name)
		}
		set |= 1 << capability.ListKnown()[n]
	}
	return set, nil
}

// names spells a set as source.
func names(set uint64) string {
	var all []string
	for n := range 64 {
		if set&(1<<n) != 0 {
			all = append(all, fmt.Sprintf("1 << %d /* %s */", n, strings.ToUpper(capability.Cap(n).String())))
		}
	}
	return strings.Join(all, " | ")
}
