package cli

import (
	"fmt"
	"math"
	"runtime"
	"strconv"

	"github.com/docker/go-units"

	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/config"
)

// parseLimits checks what the flags say. As in docker run, nothing and 0 are no
// limit, and neither is -1 process.
func parseLimits(memory string, cpus float64, pids int64) (cgroup.Limits, error) {
	l := cgroup.Limits{CPUs: cpus, Pids: max(pids, 0)}
	var err error
	if memory != "" {
		l.Memory, err = parseSize(memory)
	}
	switch {
	case err != nil:
		return l, fmt.Errorf("--memory %s: not a size like 512m or 1g", memory)
	case l.Memory != 0 && l.Memory < 6<<20:
		return l, fmt.Errorf("--memory %s: a container takes at least 6m", memory)
	case cpus != 0 && !(cpus >= 0.01 && cpus <= float64(runtime.NumCPU())): // so that NaN is not fine
		return l, fmt.Errorf("--cpus %v: not a number of processors from 0.01 to the %d that there are", cpus, runtime.NumCPU())
	case pids < -1:
		return l, fmt.Errorf("--pids-limit %d: not a number of processes", pids)
	case pids > 0 && pids < config.MinPids:
		return l, fmt.Errorf("--pids-limit %d: a container takes at least %d to start", pids, config.MinPids)
	}
	return l, nil
}

// parseSize parses a number of bytes as docker run does: 4096, 512m, 1.5g, 2GiB. All
// units are powers of 1024.
func parseSize(s string) (int64, error) {
	size, err := units.RAMInBytes(s)
	if err == nil && (size < 0 || size == math.MaxInt64) { // the library lets it overflow
		err = strconv.ErrRange
	}
	return size, err
}
