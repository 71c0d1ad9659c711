package main

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/container"
	"example.com/container-go/06-full-runtime/store"
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
	case pids > 0 && pids < container.MinPids:
		return l, fmt.Errorf("--pids-limit %d: a container takes at least %d to start", pids, container.MinPids)
	}
	return l, nil
}

// parseSize parses a number of bytes as docker run does: 4096, 512m, 1.5g, 2GiB.
// All units are powers of 1024.
func parseSize(s string) (int64, error) {
	s = strings.ToLower(s)
	end := strings.LastIndexAny(s, "0123456789") + 1
	number, unit := s[:end], strings.TrimPrefix(s[end:], " ")
	bytes, err := strconv.ParseFloat(number, 64)
	if unit != "" && unit != "b" {
		power := strings.IndexByte("kmgtp", unit[0]) + 1
		if rest := unit[1:]; power == 0 || rest != "" && rest != "b" && rest != "ib" {
			return 0, strconv.ErrSyntax
		}
		bytes *= math.Pow(1024, float64(power))
	}
	if err == nil && !(bytes >= 0 && bytes < math.MaxInt64) {
		err = strconv.ErrRange
	}
	return int64(bytes), err
}

// limit makes the container's control group, if there are limits. It is removed with
// the container, which knows of it before it is there.
func limit(own *store.Container, l cgroup.Limits) (*cgroup.Group, error) {
	group, err := cgroup.Plan(filepath.Base(own.Dir), l)
	if group == nil || err != nil {
		return nil, err
	}
	if err := own.UsesCgroup(group.Path()); err != nil {
		return nil, err
	}
	return group, group.Make()
}
