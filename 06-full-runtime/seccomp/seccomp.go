// Package seccomp assembles the filter that the kernel asks before each system call of
// a container. It is Docker's default profile, as data that tests/profile generates
// from Docker's own Go module.
package seccomp

import "encoding/binary"

//go:generate go run ../../tests/profile -output .

// verdict is what a filter returns for a call (seccomp(2)).
type verdict uint32

const (
	allow   verdict = 0x7fff0000
	refuse  verdict = 0x00050000 | 1  // the call fails with EPERM
	unknown verdict = 0x00050000 | 38 // ENOSYS: as on a kernel without the call, so that programs fall back
	kill    verdict = 0x80000000      // the whole process
)

// machine is a set of numbers for system calls, which the kernel calls an architecture.
// One processor can have several: amd64 also runs i386's programs.
type machine struct {
	arch  uint32 // AUDIT_ARCH_*, from linux/audit.h
	calls []span // in ascending order
}

// span is a run of numbers from one up to the next span's. All of them have the same
// rule.
type span struct {
	from uint32
	rule int // an index into rules
}

// choice is one line of a rule. It counts if the container may have all capabilities in
// with, and none in without. The first choice that counts decides.
type choice struct {
	with, without uint64
	verdict       verdict
	arg           *argument // nil, or allow only these values and refuse the others
}

// argument is a set of values that an argument of the call may have after "and mask".
type argument struct {
	index  uint32
	mask   uint64
	values []values // in ascending order, at least one apart
}

type values struct{ first, last uint32 }

// Filter returns the program for a container that may have these capabilities: the
// profile allows some calls together with a capability. The result is an array of the
// kernel's struct sock_filter.
func Filter(capabilities uint64) []byte {
	var program []byte
	for _, i := range assemble(capabilities) {
		program = binary.NativeEndian.AppendUint16(program, i.code)
		program = append(program, i.yes, i.no)
		program = binary.NativeEndian.AppendUint32(program, i.k)
	}
	return program
}

func assemble(capabilities uint64) []instruction {
	outcomes := make([]outcome, len(rules))
	for i, rule := range rules {
		outcomes[i] = decide(rule, capabilities)
	}
	program := []instruction{load(offsetArch)}
	for _, m := range machines {
		var leaves []leaf
		for _, s := range m.calls {
			o := outcomes[s.rule]
			if n := len(leaves); n == 0 || leaves[n-1].outcome != o {
				leaves = append(leaves, leaf{s.from, o})
			}
		}
		body := append([]instruction{load(offsetNumber)}, tree(leaves)...)
		program = append(program, unlessEqual(m.arch, body)...)
	}
	return append(program, instruction{code: ret, k: uint32(kill)})
}

// decide finds the choice that counts. A rule without one refuses the call.
func decide(rule []choice, capabilities uint64) outcome {
	for _, c := range rule {
		if c.with&^capabilities == 0 && c.without&capabilities == 0 {
			return outcome{c.verdict, c.arg}
		}
	}
	return outcome{refuse, nil}
}
