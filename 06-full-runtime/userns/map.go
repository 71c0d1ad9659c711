// Package userns chooses which ids of the host a container's users and groups are,
// writes them into user namespaces, and becomes root there (user_namespaces(7)).
package userns

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
)

// Range maps Count ids, Inside and up in the namespace, to Outside and up in ours.
type Range struct{ Inside, Outside, Count int }

// Map says what the ids in a container are outside of it. The zero Map stands for
// no user namespace: they are the same.
type Map struct {
	UIDs, GIDs []Range
	more       [2]Line
}

// None reports whether there is no user namespace.
func (m Map) None() bool { return len(m.UIDs) == 0 }

// Single reports whether the container has no more than one user, root.
func (m Map) Single() bool { return !m.None() && (count(m.UIDs) == 1 || count(m.GIDs) == 1) }

func count(ranges []Range) int {
	n := 0
	for _, r := range ranges {
		n += r.Count
	}
	return n
}

// Root is who the container's root is outside.
func (m Map) Root() (uid, gid int) {
	if m.None() {
		return 0, 0
	}
	return m.UIDs[0].Outside, m.GIDs[0].Outside
}

// Initial reports whether we are in the user namespace that the kernel began with,
// where alone root is the machine's. Its inode is a constant of the kernel's
// (include/linux/proc_ns.h, PROC_USER_INIT_INO).
func Initial() bool {
	link, err := os.Readlink("/proc/self/ns/user")
	return err != nil || link == "user:[4026531837]"
}

// Name is a file name for all that has owners as the map says, seen from our own
// user namespace.
func (m Map) Name() string {
	if m.None() && Initial() {
		return "host"
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // it is made of numbers
	}
	if !Initial() {
		uids, _ := os.ReadFile("/proc/self/uid_map")
		gids, _ := os.ReadFile("/proc/self/gid_map")
		text = slices.Concat(text, uids, gids)
	}
	sum := sha256.Sum256(text)
	return "userns-" + hex.EncodeToString(sum[:6])
}
