package userns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"

	ids "github.com/moby/sys/user"
)

// subIDs is what a file like /etc/subuid has for us.
type subIDs struct {
	file, name string // name is ours
	ranges     []ids.SubID
	free       int64  // the ids from here on are not listed for any user; 0: not known
	reason     string // why there are no ranges, if not because the file has none
}

// maxRanges is how many ranges of 33 bytes fit into what the kernel takes for an id
// map, a page (user_namespaces(7)).
const maxRanges = 100

// subordinate reads our ranges, which are by name or by number, without the ids that
// occur twice: the kernel refuses a map that has one twice, as own has us already. No
// container has the host's root.
func subordinate(file string, own int) subIDs {
	uid := strconv.Itoa(os.Geteuid())
	s := subIDs{file: file, name: uid}
	if u, err := user.LookupId(uid); err == nil {
		s.name = u.Username
	}
	var all []ids.SubID
	var err error
	if elsewhere() {
		all, err = ask(file, s.name)
	} else {
		all, err = ids.ParseSubIDFile(file)
		s.free = 100000 // where useradd(8) begins
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.reason, s.free = err.Error(), 0
	}
	s.take(all, uid, own)
	return s
}

// take takes our ranges from all that are listed.
func (s *subIDs) take(all []ids.SubID, uid string, own int) {
	taken := []ids.SubID{{SubID: 0, Count: 1}, {SubID: int64(own), Count: 1}}
	for _, r := range all {
		if r.SubID < 0 || r.Count <= 0 || r.Count > math.MaxUint32 || r.SubID > math.MaxUint32-r.Count {
			continue // no ids
		}
		if s.free > 0 {
			s.free = max(s.free, r.SubID+r.Count)
		}
		if r.Name == s.name || r.Name == uid {
			pieces := without(r, slices.Concat(taken, s.ranges))
			s.ranges = append(s.ranges, pieces[:min(len(pieces), maxRanges-len(s.ranges))]...)
		}
	}
}

// without returns the parts of a range that are in none of others.
func without(r ids.SubID, others []ids.SubID) []ids.SubID {
	if r.Count <= 0 {
		return nil
	}
	for _, o := range others {
		if r.SubID < o.SubID+o.Count && o.SubID < r.SubID+r.Count { // they overlap
			below, above := r, r
			below.Count = o.SubID - r.SubID
			above.SubID = o.SubID + o.Count
			above.Count = r.SubID + r.Count - above.SubID
			return append(without(below, others), without(above, others)...)
		}
	}
	return []ids.SubID{r}
}

// elsewhere reports whether the machine keeps subordinate ids not in files but in a
// directory service (nsswitch.conf(5), subid).
func elsewhere() bool {
	content, err := os.ReadFile("/etc/nsswitch.conf")
	if err != nil || !bytes.Contains(content, []byte("subid")) {
		return false
	}
	for line := range strings.Lines(string(content)) {
		database, services, _ := strings.Cut(line, ":")
		if strings.TrimSpace(database) == "subid" {
			service := strings.Fields(services)
			return len(service) > 0 && service[0] != "files"
		}
	}
	return false
}

// ask asks getsubids(1), which knows how to ask the service.
func ask(file, name string) (all []ids.SubID, err error) {
	args := []string{name}
	if strings.HasSuffix(file, "gid") {
		args = []string{"-g", name}
	}
	output, err := exec.Command("getsubids", args...).Output()
	if _, failed := err.(*exec.ExitError); failed {
		return nil, nil // there are none
	}
	if err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		var number int
		r := ids.SubID{}
		if _, err := fmt.Sscanf(lines.Text(), "%d: %s %d %d", &number, &r.Name, &r.SubID, &r.Count); err == nil {
			r.Name = name
			all = append(all, r)
		}
	}
	return all, nil
}

// missing says why there is no map of more than one id, and which line would give us as
// many as useradd(8) gives a new user.
func missing(uids, gids subIDs) (reason string, more [2]Line) {
	var files []string
	for _, s := range []subIDs{uids, gids} {
		switch {
		case len(s.ranges) > 0:
		case s.reason != "":
			return "your subordinate ids cannot be read: " + s.reason, more
		default:
			files = append(files, s.file)
		}
	}
	if uids.free > 0 && gids.free > 0 {
		uids.free = max(uids.free, gids.free)
		line := uids.line(1)
		line.File = strings.Join(files, " and ")
		more = [2]Line{line, line}
	}
	return "you have no subordinate ids in " + strings.Join(files, " and "), more
}
