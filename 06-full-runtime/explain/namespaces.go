package explain

import (
	"os"
	"strings"
)

// kinds are the namespaces of a process, as /proc/PID/ns names them.
var kinds = []string{"user", "mnt", "uts", "pid", "ipc", "cgroup", "net"}

// Namespaces returns the inode behind each link in /proc/self/ns, by kind. Two
// processes share a namespace if the inodes are equal (namespaces(7)).
func Namespaces() map[string]string {
	inodes := map[string]string{}
	for _, kind := range kinds {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err == nil {
			inodes[kind] = strings.TrimSuffix(strings.TrimPrefix(link, kind+":["), "]")
		}
	}
	return inodes
}

// CompareNamespaces prints which namespaces this process does not share with the
// host, given the host's.
func CompareNamespaces(host map[string]string) {
	own := Namespaces()
	Line("%-9s  %12s  %12s", "namespace", "host's inode", "container's")
	for _, kind := range kinds {
		state := "isolated"
		if own[kind] == host[kind] {
			state = "shared"
		}
		Line("%-9s  %12s  %12s  %s", kind, host[kind], own[kind], state)
	}
}
