package userns

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/user"
	"strconv"

	ids "github.com/moby/sys/user"
)

// rootsRange is what root's containers get where /etc/subuid has nothing for
// root: the last of those that systemd reserves for containers
// (https://systemd.io/UIDS-GIDS), below which it picks its own at random.
var rootsRange = ids.SubID{SubID: 0x6FFF0000, Count: 65536}

// Choose chooses the ids of a container: none of its own for root, unless a user
// namespace is wanted. If the map has to be a single id, reason says why.
//
// The container's root is we ourselves, and the others are our subordinate ids
// (subuid(5)), for whoever has some and the programs to map them. Root gets a range
// that does not contain root.
func Choose(wanted bool) (m Map, reason string, err error) {
	if os.Geteuid() == 0 && !wanted {
		return Map{}, "", nil
	}
	uids, err := subordinate("/etc/subuid")
	if err != nil {
		return m, "", err
	}
	gids, err := subordinate("/etc/subgid")
	if err != nil {
		return m, "", err
	}
	some := len(uids) > 0 && len(gids) > 0
	if os.Geteuid() == 0 {
		if !some {
			uids, gids = []ids.SubID{rootsRange}, []ids.SubID{rootsRange}
		}
		return chooseForRoot(uids, gids)
	}
	m = Map{[]Range{{0, os.Geteuid(), 1}}, []Range{{0, os.Getegid(), 1}}}
	if !some {
		return m, "you have no subordinate ids in /etc/subuid and /etc/subgid", nil
	}
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			return m, program + " is not installed", nil
		}
	}
	return Map{add(m.UIDs, uids), add(m.GIDs, gids)}, "", nil
}

func chooseForRoot(uids, gids []ids.SubID) (m Map, reason string, err error) {
	own, err := ids.CurrentProcessUIDMap()
	if err != nil {
		return m, "", err
	}
	ownGroups, err := ids.CurrentProcessGIDMap()
	if err != nil {
		return m, "", err
	}
	if !covers(own, uids) || !covers(ownGroups, gids) {
		// We are root of a user namespace ourselves, with fewer ids.
		m = Map{[]Range{{0, 0, 1}}, []Range{{0, 0, 1}}}
		return m, "this user namespace has no ids to spare", nil
	}
	return Map{add(nil, uids), add(nil, gids)}, "", nil
}

// add appends ranges to a map, whose next ids inside they become.
func add(m []Range, ranges []ids.SubID) []Range {
	next := count(m)
	for _, r := range ranges {
		m = append(m, Range{next, int(r.SubID), int(r.Count)})
		next += int(r.Count)
	}
	return m
}

// subordinate reads our ranges, which are by name or by number.
func subordinate(file string) ([]ids.SubID, error) {
	uid := strconv.Itoa(os.Geteuid())
	name := uid
	if u, err := user.LookupId(uid); err == nil {
		name = u.Username
	}
	ranges, err := ids.ParseSubIDFileFilter(file, func(entry ids.SubID) bool {
		return (entry.Name == name || entry.Name == uid) && entry.Count > 0 && entry.SubID+entry.Count <= math.MaxUint32
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return ranges, nil
}

// covers reports whether our own user namespace has all of the ids.
func covers(own []ids.IDMap, ranges []ids.SubID) bool {
	for _, r := range ranges {
		found := false
		for _, o := range own {
			found = found || o.ID <= r.SubID && r.SubID+r.Count <= o.ID+o.Count
		}
		if !found {
			return false
		}
	}
	return true
}
