package unpack

import (
	"fmt"
	"os"
	"strings"
)

// PreservesOwners reports whether this process may give files to the owners
// that layers name: it is root, and its user namespace has more than one user
// and group (see user_namespaces(7)). In the namespace that "unshare -r" makes,
// root is the only one.
func PreservesOwners() bool {
	return os.Geteuid() == 0 && mapsMany("/proc/self/uid_map") && mapsMany("/proc/self/gid_map")
}

// mapsMany reports whether an id map has more than one id.
func mapsMany(file string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return true // a kernel without user namespaces
	}
	total := 0
	for line := range strings.Lines(string(data)) {
		var inside, outside, count int
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil {
			total += count
		}
	}
	return total > 1
}
