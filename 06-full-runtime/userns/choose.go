package userns

import (
	"fmt"
	"os"
	"os/exec"
	"slices"

	ids "github.com/moby/sys/user"
	"golang.org/x/sys/unix"
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
	root := os.Geteuid() == 0
	if root && !wanted {
		return Map{}, "", nil
	}
	uids, gids := subordinate("/etc/subuid", os.Geteuid()), subordinate("/etc/subgid", os.Getegid())
	none := len(uids.ranges) == 0 || len(gids.ranges) == 0
	if root && none {
		uids.ranges, gids.ranges = []ids.SubID{rootsRange}, []ids.SubID{rootsRange}
	}
	m = Single()
	if none && !root {
		reason, m.more = missing(uids, gids)
		return m, reason, nil
	}
	if uids.ranges, err = within(ids.CurrentProcessUIDMap, uids.ranges); err != nil {
		return m, "", err
	}
	if gids.ranges, err = within(ids.CurrentProcessGIDMap, gids.ranges); err != nil {
		return m, "", err
	}
	if len(uids.ranges) == 0 || len(gids.ranges) == 0 {
		return m, "this user namespace has no ids to spare", nil
	}
	if !root {
		if reason := cannotMap(); reason != "" {
			return m, reason, nil
		}
	}
	if root {
		m = Map{}
	}
	m.UIDs, m.GIDs = add(m.UIDs, uids.ranges), add(m.GIDs, gids.ranges)
	m.more = [2]Line{uids.line(count(m.UIDs)), gids.line(count(m.GIDs))}
	if root && none { // a line of root's would count in place of rootsRange
		m.more = [2]Line{uids.line(0), gids.line(0)}
	}
	return m, "", nil
}

// Single is the map of one id, our own, which every process may write.
func Single() Map {
	return Map{UIDs: []Range{{0, os.Geteuid(), 1}}, GIDs: []Range{{0, os.Getegid(), 1}}}
}

// cannotMap says why newuidmap(1) and newgidmap(1) cannot map subordinate ids here, or
// "". They are setuid root, or have capabilities.
func cannotMap() string {
	if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && set == 1 {
		return "newuidmap gets no rights with no_new_privs set (prctl(2))"
	}
	for _, program := range []string{"newuidmap", "newgidmap"} {
		path, err := exec.LookPath(program)
		if err != nil {
			return program + " is not installed"
		}
		var st unix.Stat_t
		setuid := unix.Stat(path, &st) == nil && st.Mode&unix.S_ISUID != 0 && st.Uid == 0
		if _, err := unix.Getxattr(path, "security.capability", nil); err != nil && !setuid {
			return path + " is not setuid root: chmod u+s " + path
		}
		var fs unix.Statfs_t
		if unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_NOSUID != 0 {
			return path + " is on a filesystem that is mounted nosuid"
		}
	}
	return ""
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

// within leaves out the ranges that our own user namespace has not: only ids that it
// has can be mapped into another (user_namespaces(7)).
func within(ownMap func() ([]ids.IDMap, error), ranges []ids.SubID) ([]ids.SubID, error) {
	if Initial() {
		return ranges, nil
	}
	own, err := ownMap()
	if err != nil {
		return nil, fmt.Errorf("read our own id map: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(ranges), func(r ids.SubID) bool {
		return !slices.ContainsFunc(own, func(o ids.IDMap) bool {
			return o.ID <= r.SubID && r.SubID+r.Count <= o.ID+o.Count
		})
	}), nil
}
