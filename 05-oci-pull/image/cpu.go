package image

import (
	"os"
	"strings"
	"sync"
)

// The levels of amd64 (x86-64 psABI), by the names that the kernel gives their
// features in /proc/cpuinfo.
var amd64Features = []string{
	"", // v1 is every processor
	"cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
	"abm avx avx2 bmi1 bmi2 f16c fma movbe xsave",
	"avx512f avx512bw avx512cd avx512dq avx512vl",
}

// amd64Level is the level of this machine's processor, as levelOf counts.
var amd64Level = sync.OnceValue(func() int {
	info, _ := os.ReadFile("/proc/cpuinfo")
	return levelOfCPU(string(info))
})

func levelOfCPU(cpuinfo string) int {
	_, flags, _ := strings.Cut(cpuinfo, "\nflags")
	flags, _, _ = strings.Cut(flags, "\n")
	has := map[string]bool{}
	for _, flag := range strings.Fields(flags) {
		has[flag] = true
	}
	level := 0
	for _, features := range amd64Features {
		for _, feature := range strings.Fields(features) {
			if !has[feature] {
				return level * 100
			}
		}
		level++
	}
	return level * 100
}
