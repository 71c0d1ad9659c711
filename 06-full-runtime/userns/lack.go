package userns

import (
	"fmt"
	"math"
	"os"

	ids "github.com/moby/sys/user"
)

// A Line is the beginning of a line that would give us more subordinate ids.
type Line struct {
	File   string // /etc/subuid or /etc/subgid
	Prefix string // NAME:FIRST:, or "" if no line would help
	Has    int    // how many ids there are without the line
}

func (s subIDs) line(has int) Line {
	if s.free == 0 || s.free >= math.MaxInt32 {
		return Line{}
	}
	return Line{s.file, fmt.Sprintf("%s:%d:", s.name, s.free), has}
}

// Lines are the lines for more user ids and more group ids.
func (m Map) Lines() [2]Line { return m.more }

// Lack is the error that the container's user namespace does not have an id.
type Lack struct {
	Group bool
	ID    int
	Has   string // the ids that it has
	More  Line
}

func (l *Lack) Error() string {
	what := "uid"
	if l.Group {
		what = "gid"
	}
	return fmt.Sprintf("%s %d: the container has only the %ss %s", what, l.ID, what, l.Has)
}

// Step names the step for package advice.
func (l *Lack) Step() string { return "find an id" }

// Line is the whole line that would do, and the file that it belongs into.
func (l *Lack) Line() (line, file string) {
	if l.More.Prefix == "" {
		return "", ""
	}
	n := l.ID - l.More.Has + 1
	if l.More.Has <= 1 { // who has none gets as many as useradd(8) would give
		n = max(n, 65536)
	}
	return fmt.Sprintf("%s%d", l.More.Prefix, n), l.More.File
}

// Check reports whether the user namespace that we are in has a user and a group.
func Check(uid, gid int, more [2]Line) error {
	if err := check(uid, ids.CurrentProcessUIDMap, Lack{More: more[0]}); err != nil {
		return err
	}
	return check(gid, ids.CurrentProcessGIDMap, Lack{Group: true, More: more[1]})
}

func check(id int, idMap func() ([]ids.IDMap, error), lack Lack) error {
	if id == 0 {
		return nil
	}
	ranges, err := idMap()
	if os.IsNotExist(err) { // a kernel without user namespaces
		return nil
	}
	if err != nil {
		return fmt.Errorf("read our own id map: %w", err)
	}
	lack.ID = id
	for i, r := range ranges {
		if r.ID <= int64(id) && int64(id) < r.ID+r.Count {
			return nil
		}
		if i > 0 {
			lack.Has += ", "
		}
		lack.Has += span(r.ID, r.Count)
		if r.ParentID != r.ID {
			lack.Has += " (outside " + span(r.ParentID, r.Count) + ")"
		}
	}
	return &lack
}

func span(first, count int64) string {
	if count == 1 {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d to %d", first, first+count-1)
}
