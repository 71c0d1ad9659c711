package userns

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ids "github.com/moby/sys/user"
)

// Whatever a file lists, no id is in our ranges twice, and neither are we nor root.
func TestSubordinateRanges(t *testing.T) {
	many := strings.Builder{}
	for i := range 300 {
		fmt.Fprintf(&many, "ann:%d:1\n", 200000+2*i)
	}
	for _, test := range []struct{ what, lines, want string }{
		{"one", "ann:100000:65536", "100000+65536"},
		{"by number", "1000:100000:65536", "100000+65536"},
		{"of others", "bob:100000:65536\n10000:5:5", ""},
		{"two", "ann:100000:10\nann:300000:10", "100000+10 300000+10"},
		{"by name and number", "ann:100000:65536\n1000:100000:65536", "100000+65536"},
		{"overlapping", "ann:100:50\n1000:120:50", "100+50 150+20"},
		{"overlapping below", "ann:100:50\nann:80:50", "100+50 80+20"},
		{"within another", "ann:100:50\nann:110:10", "100+50"},
		{"around another", "ann:110:10\nann:100:50", "110+10 100+10 120+30"},
		{"adjacent", "ann:100:50\nann:150:50", "100+50 150+50"},
		{"around several", "ann:10:1\nann:12:1\nann:9:6", "10+1 12+1 9+1 11+1 13+2"},
		{"with root", "ann:0:10", "1+9"},
		{"root alone", "ann:0:1", ""},
		{"with us", "ann:990:20", "990+10 1001+9"},
		{"us alone", "ann:1000:1", ""},
		{"empty", "ann:100000:0", ""},
		{"negative", "ann:-5:10\nann:5:-10", ""},
		{"beyond", "ann:4294967290:10\nann:4294967296:1\nann:1:4294967296\nann:9223372036854775807:9223372036854775807", ""},
		{"up to the end", "ann:4294967290:5", "4294967290+5"},
		{"the id that means none", "ann:4294967290:6", ""},
		{"no numbers", "ann:x:y\nann::\nann\n:\n\n# ann:1:2\n", ""},
	} {
		got := ""
		for _, r := range takeFrom(t, test.lines).ranges {
			got += fmt.Sprintf(" %d+%d", r.SubID, r.Count)
		}
		if got = strings.TrimSpace(got); got != test.want {
			t.Errorf("%s: from %q we take the ranges %q, want %q", test.what, test.lines, got, test.want)
		}
	}
	if n := len(lines(add(nil, takeFrom(t, many.String()).ranges))); n == 0 || n >= os.Getpagesize() {
		t.Errorf("an id map of 300 ranges has %d bytes, and the kernel takes a page", n)
	}
}

// The line that would do is free, and is long enough.
func TestLackLine(t *testing.T) {
	s := takeFrom(t, "ann:100000:65536\nbob:165536:65536")
	for _, test := range []struct {
		has, id int
		want    string
	}{{65537, 70000, "ann:231072:4464"}, {65537, 65537, "ann:231072:1"}, {1, 33, "ann:231072:65536"}, {1, 70000, "ann:231072:70000"}, {0, 70000, "ann:231072:70001"}} {
		lack := Lack{ID: test.id, More: s.line(test.has)}
		if got, _ := lack.Line(); got != test.want {
			t.Errorf("who has %d ids and wants %d is told %q, want %q", test.has, test.id, got, test.want)
		}
	}
}

// takeFrom takes what a file has for the user ann, who is 1000.
func takeFrom(t *testing.T, lines string) subIDs {
	t.Helper()
	file := filepath.Join(t.TempDir(), "subuid")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := ids.ParseSubIDFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := subIDs{file: file, name: "ann", free: 100000}
	s.take(all, "1000", 1000)
	return s
}
