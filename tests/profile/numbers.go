package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// machine is a set of system call numbers, and the name that the profile has for it.
type machine struct {
	name string // as the rules of the profile call it
	arch string // the constant in linux/audit.h
	file string // the numbers in golang.org/x/sys
	x32  bool   // has x32's numbers beside its own
}

// machines are those that the profile lists for a processor.
var machines = map[string][]machine{
	"amd64": {
		{"amd64", "0xc000003e", "zsysnum_linux_amd64.go", true}, // AUDIT_ARCH_X86_64
		{"amd64", "0x40000003", "zsysnum_linux_386.go", false},  // AUDIT_ARCH_I386
	},
	"arm64": {
		{"arm64", "0xc00000b7", "zsysnum_linux_arm64.go", false}, // AUDIT_ARCH_AARCH64
		{"arm64", "0x40000028", "zsysnum_linux_arm.go", false},   // AUDIT_ARCH_ARM
	},
}

var number = regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`)

var sysUnix = sync.OnceValues(func() (dir string, err error) {
	output, err := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix").Output()
	return strings.TrimSpace(string(output)), err
})

// numbers reads the numbers of a machine's system calls by name.
func (m machine) numbers() (map[string]uint32, error) {
	dir, err := sysUnix()
	if err != nil {
		return nil, fmt.Errorf("go list golang.org/x/sys/unix: %w", err)
	}
	source, err := os.ReadFile(filepath.Join(dir, m.file))
	if err != nil {
		return nil, err
	}
	numbers := map[string]uint32{}
	for _, found := range number.FindAllStringSubmatch(string(source), -1) {
		n, err := strconv.ParseUint(found[2], 10, 32)
		if err != nil {
			return nil, err
		}
		numbers[strings.ToLower(found[1])] = uint32(n)
	}
	delete(numbers, "syscall_mask") // of arm: no call
	if strings.HasSuffix(m.file, "_arm.go") {
		for name, n := range armCalls {
			numbers[name] = n
		}
	}
	return numbers, nil
}

// privateCalls is where the numbers of arm's own calls begin, apart from the others.
const privateCalls = 0xf0000

var armCalls = map[string]uint32{"breakpoint": privateCalls + 1, "cacheflush": privateCalls + 2, "set_tls": privateCalls + 5}

// x32Bit marks calls of x32, whose programs have pointers of 32 bits on amd64. Its
// numbers are amd64's, but for some calls with pointers in memory.
const x32Bit = 0x40000000

// x32Calls have numbers of their own, from 512 on (the kernel's syscall_64.tbl).
var x32Calls = strings.Fields(`rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace
	rt_sigpending rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid
	set_robust_list get_robust_list vmsplice move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg
	process_vm_readv process_vm_writev setsockopt getsockopt io_setup io_submit execveat preadv2 pwritev2`)

func x32Numbers(amd64 map[string]uint32) map[string]uint32 {
	numbers := map[string]uint32{}
	for name, n := range amd64 {
		numbers[name] = x32Bit + n
	}
	for i, name := range x32Calls {
		numbers[name] = x32Bit + 512 + uint32(i)
	}
	return numbers
}
