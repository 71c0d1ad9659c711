package seccomp

// instruction is one of classic BPF, for which the kernel's struct sock_filter has the
// same fields. The conditional jumps skip yes or no instructions.
type instruction struct {
	code    uint16
	yes, no uint8
	k       uint32
}

const (
	ldAbs = 0x20 // the accumulator becomes the word at offset k of struct seccomp_data
	and   = 0x54
	ja    = 0x05 // skips k instructions
	jeq   = 0x15
	jge   = 0x35
	ret   = 0x06
)

// Offsets in struct seccomp_data. Its six arguments have 64 bits each. The low half is
// first, as amd64 and arm64 are little-endian.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

func load(offset uint32) instruction { return instruction{code: ldAbs, k: offset} }

// outcome is what happens to a call: a verdict, which can depend on an argument.
type outcome struct {
	verdict verdict
	arg     *argument
}

// leaf is the outcome of the numbers from one up to the next leaf's.
type leaf struct {
	from uint32
	outcome
}

// tree finds the leaf of the accumulator by halving. One call in 300 is found in nine
// steps, and not in 300. A conditional jump reaches no further than 255 instructions.
func tree(leaves []leaf) []instruction {
	if len(leaves) == 1 {
		return leaves[0].instructions()
	}
	half := len(leaves) / 2
	low, high := tree(leaves[:half]), tree(leaves[half:])
	jump := []instruction{{code: jge, yes: uint8(len(low)), k: leaves[half].from}}
	if len(low) > 255 {
		jump = []instruction{{code: jge, no: 1, k: leaves[half].from}, {code: ja, k: uint32(len(low))}}
	}
	return append(append(jump, low...), high...)
}

func (o outcome) instructions() []instruction {
	if o.arg == nil {
		return []instruction{{code: ret, k: uint32(o.verdict)}}
	}
	return o.arg.instructions()
}

// instructions looks at an argument. A filter sees numbers only, and no memory that an
// argument points to.
func (a *argument) instructions() (program []instruction) {
	low := offsetArgs + 8*a.index
	if high := uint32(a.mask >> 32); high != 0 {
		program = append(program, load(low+4), instruction{code: and, k: high},
			instruction{code: jeq, yes: 1, k: 0}, instruction{code: ret, k: uint32(refuse)})
	}
	program = append(program, load(low), instruction{code: and, k: uint32(a.mask)})
	leaves := []leaf{{0, outcome{verdict: refuse}}}
	for _, v := range a.values {
		if v.first == 0 {
			leaves = nil
		}
		leaves = append(leaves, leaf{v.first, outcome{verdict: allow}})
		if v.last != ^uint32(0) {
			leaves = append(leaves, leaf{v.last + 1, outcome{verdict: refuse}})
		}
	}
	return append(program, tree(leaves)...)
}

// unlessEqual skips the body if the accumulator has another value.
func unlessEqual(k uint32, body []instruction) []instruction {
	return append([]instruction{{code: jeq, yes: 1, k: k}, {code: ja, k: uint32(len(body))}}, body...)
}
