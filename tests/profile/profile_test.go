package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	lesson6 "example.com/container-go/06-full-runtime/seccomp"
)

const (
	allowed = uint32(0x7fff0000)
	eperm   = uint32(0x00050001)
	enosys  = uint32(0x00050026)
)

// Lesson 6's rules are those of the module that go.mod names.
func TestProfileIsGenerated(t *testing.T) {
	needGo(t)
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join("../../06-full-runtime/seccomp", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what Docker's profile generates (%v): run go generate in 06-full-runtime/seccomp", name, err)
		}
	}
}

// The filter says of every call what Docker's module says, whatever the capabilities.
// The module's own reading of its rules is compared here, and not the generator's.
func TestProfileSaysWhatDockerSays(t *testing.T) {
	needGo(t)
	sets := []uint64{0, 0x800405fb, ^uint64(0)}
	for n := range 41 {
		sets = append(sets, 1<<n)
	}
	for _, caps := range sets {
		filter := decode(lesson6.Filter(caps))
		if len(filter) > 1000 {
			t.Errorf("the filter has %d instructions, and a start waits for each", len(filter))
		}
		docker := dockers(t, caps)
		for _, m := range machines[runtime.GOARCH] {
			numbers, err := m.numbers()
			if err != nil {
				t.Fatal(err)
			}
			all := []map[string]uint32{numbers}
			if m.x32 {
				all = append(all, x32Numbers(numbers))
			}
			for _, numbers := range all {
				compare(t, filter, docker, m, numbers, fmt.Sprintf("%s with capabilities %#x", m.file, caps))
			}
		}
	}
}

func compare(t *testing.T, filter []instruction, docker *specs.LinuxSeccomp, m machine, numbers map[string]uint32, what string) {
	t.Helper()
	names, newest := map[uint32]string{}, uint32(0)
	for name, n := range numbers {
		names[n] = name
		if n&^x32Bit < privateCalls && slices.ContainsFunc(docker.Syscalls, func(s specs.LinuxSyscall) bool { return slices.Contains(s.Names, name) }) {
			newest = max(newest, n)
		}
	}
	base := newest & x32Bit
	for n := base; n < base+1000; n++ {
		args := []uint64{0}
		if slices.Contains([]string{"socket", "clone", "personality"}, names[n]) {
			args = []uint64{0, 1, 2, 3, 8, 9, 16, 17, 38, 40, 45, 46, 0x100, 0x20000, 0x20008, 0x10000000, 0x7e020000, 0xffffffff, 1 << 32, 1<<32 | 2, ^uint64(0)}
		}
		for _, arg := range args {
			want := dockersVerdict(docker, names[n], arg)
			if n > newest {
				want = enosys
			}
			if got := run(filter, m.number(t), n, arg); got != want {
				t.Fatalf("%s: call %#x %s(%#x) gets %#x, and %#x by Docker's profile", what, n, names[n], arg, got, want)
			}
		}
	}
}

// dockers is the profile for a container with these capabilities, as Docker passes it
// to runc.
func dockers(t *testing.T, caps uint64) *specs.LinuxSeccomp {
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}}
	for _, c := range capability.ListKnown() {
		if caps&(1<<c) != 0 {
			spec.Process.Capabilities.Bounding = append(spec.Process.Capabilities.Bounding, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	profile, err := seccomp.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

func dockersVerdict(profile *specs.LinuxSeccomp, name string, arg uint64) uint32 {
	verdict := eperm
	for _, s := range profile.Syscalls {
		if !slices.Contains(s.Names, name) || len(s.Args) > 0 && !fits(s.Args[0], arg) {
			continue
		}
		if s.Action == specs.ActAllow {
			return allowed
		}
		verdict = enosys
	}
	return verdict
}

func fits(a specs.LinuxSeccompArg, arg uint64) bool {
	switch a.Op {
	case specs.OpEqualTo:
		return arg == a.Value
	case specs.OpLessThan:
		return arg < a.Value
	case specs.OpMaskedEqual:
		return arg&a.Value == a.ValueTwo
	}
	panic(a.Op)
}

// The filter against a table of calls, each by itself.
func TestFilter(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are amd64's")
	}
	const (
		amd64, i386, arm = 0xc000003e, 0x40000003, 0x40000028
		sysAdmin         = 1 << 21
		kept             = 0x800405fb
	)
	for _, test := range []struct {
		what     string
		caps     uint64
		arch, nr uint32
		arg      uint64
		want     uint32
	}{
		{"read", kept, amd64, 0, 0, allowed},
		{"read of i386", kept, i386, 3, 0, allowed},
		{"read of x32", kept, amd64, x32Bit, 0, allowed},
		{"mount", kept, amd64, 165, 0, eperm},
		{"mount of x32", kept, amd64, x32Bit + 165, 0, eperm},
		{"mount of i386", kept, i386, 21, 0, eperm},
		{"mount with SYS_ADMIN", kept | sysAdmin, amd64, 165, 0, allowed},
		{"add_key", ^uint64(0), amd64, 248, 0, eperm},
		{"io_uring_setup", ^uint64(0), amd64, 425, 0, eperm},
		{"userfaultfd", kept, amd64, 323, 0, eperm},
		{"clone of a thread", kept, amd64, 56, 0x3d0f00, allowed},
		{"clone of a user namespace", kept, amd64, 56, 0x10000000, eperm},
		{"clone of a user namespace with SYS_ADMIN", sysAdmin, amd64, 56, 0x10000000, allowed},
		{"clone3", kept, amd64, 435, 0, enosys},
		{"clone3 with SYS_ADMIN", sysAdmin, amd64, 435, 0, allowed},
		{"chroot", kept, amd64, 161, 0, allowed},
		{"chroot without SYS_CHROOT", 0, amd64, 161, 0, eperm},
		{"socket AF_INET", kept, amd64, 41, 2, allowed},
		{"socket AF_ALG", ^uint64(0), amd64, 41, 38, eperm},
		{"socket AF_ALG of i386", kept, i386, 359, 38, eperm},
		{"socket AF_VSOCK", kept, amd64, 41, 40, eperm},
		{"socket AF_INET with a bit in the high half", kept, amd64, 41, 1<<32 | 2, eperm},
		{"personality(ADDR_NO_RANDOMIZE)", kept, amd64, 135, 0x40000, eperm},
		{"personality(0xffffffff)", kept, amd64, 135, 0xffffffff, allowed},
		{"a call newer than the profile", kept, amd64, 467, 0, enosys},
		{"execve of x32 without x32's bit", kept, amd64, 520, 0, enosys},
		{"execve of amd64 with x32's bit", kept, amd64, x32Bit + 59, 0, eperm},
		{"the highest number", kept, amd64, ^uint32(0), 0, enosys},
		{"read of a machine that the profile does not list", kept, arm, 3, 0, 0x80000000},
	} {
		if got := run(decode(lesson6.Filter(test.caps)), test.arch, test.nr, test.arg); got != test.want {
			t.Errorf("%s gets %#x, want %#x", test.what, got, test.want)
		}
	}
}

type instruction struct {
	code    uint16
	yes, no uint8
	k       uint32
}

func decode(program []byte) (all []instruction) {
	for i := range slices.Chunk(program, 8) {
		all = append(all, instruction{binary.NativeEndian.Uint16(i), i[2], i[3], binary.NativeEndian.Uint32(i[4:])})
	}
	return all
}

// run does what the kernel does with a filter: seccomp(2), and bpf(4) of FreeBSD.
func run(program []instruction, arch, nr uint32, arg uint64) uint32 {
	var data [64]byte
	binary.NativeEndian.PutUint32(data[0:], nr)
	binary.NativeEndian.PutUint32(data[4:], arch)
	binary.NativeEndian.PutUint64(data[16:], arg)
	a := uint32(0)
	for pc := 0; ; pc++ {
		i := program[pc]
		skip := i.no
		switch i.code {
		case 0x20:
			a = binary.NativeEndian.Uint32(data[i.k:])
			continue
		case 0x54:
			a &= i.k
			continue
		case 0x05:
			pc += int(i.k)
			continue
		case 0x15:
			if a == i.k {
				skip = i.yes
			}
		case 0x35:
			if cmp.Compare(a, i.k) >= 0 {
				skip = i.yes
			}
		case 0x06:
			return i.k
		default:
			panic(fmt.Sprintf("an instruction %#x", i.code))
		}
		pc += int(skip)
	}
}

func (m machine) number(t *testing.T) (arch uint32) {
	if _, err := fmt.Sscanf(m.arch, "0x%x", &arch); err != nil {
		t.Fatal(err)
	}
	return arch
}

func needGo(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here to find golang.org/x/sys with")
	}
}
