package cli

import (
	"math"
	"testing"

	"example.com/container-go/06-full-runtime/cgroup"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "4096": 4096, "7b": 7, "7B": 7, "2k": 2 << 10, "2KB": 2 << 10, "2kib": 2 << 10,
		"512m": 512 << 20, "512 MiB": 512 << 20, "1g": 1 << 30, "1.5g": 3 << 29, "1T": 1 << 40, "1p": 1 << 50,
	} {
		if got, err := parseSize(text); got != want || err != nil {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "m", "-1", "-1m", "1x", "1mm", "1m b", "1bb", "1  m", "m1", "1,5g", "inf", "nan", "9000000p"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}

func TestParseLimits(t *testing.T) {
	for _, test := range []struct {
		memory string
		cpus   float64
		pids   int64
		want   cgroup.Limits
		ok     bool
	}{
		{"", 0, 0, cgroup.Limits{}, true},
		{"0", 0, -1, cgroup.Limits{}, true},
		{"6m", 0.01, 8, cgroup.Limits{Memory: 6 << 20, CPUs: 0.01, Pids: 8}, true},
		{"5m", 0, 0, cgroup.Limits{}, false},
		{"", 0.001, 0, cgroup.Limits{}, false},
		{"", -1, 0, cgroup.Limits{}, false},
		{"", math.NaN(), 0, cgroup.Limits{}, false},
		{"", math.Inf(1), 0, cgroup.Limits{}, false},
		{"", 0, 7, cgroup.Limits{}, false},
		{"", 0, -2, cgroup.Limits{}, false},
	} {
		got, err := parseLimits(test.memory, test.cpus, test.pids)
		if test.ok && (err != nil || got != test.want) || !test.ok && err == nil {
			t.Errorf("-m %q --cpus %v --pids-limit %d: %+v, %v", test.memory, test.cpus, test.pids, got, err)
		}
	}
}
