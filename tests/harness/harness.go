// Package harness runs programs that make containers, and proves the host
// unchanged after each test.
//
// A test says from which lesson on it holds, and what it asks of one program in
// one identity:
//
//	func TestHostname(t *testing.T) {
//		harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
//			r := c.Run("hostname")
//			...
//		})
//	}
//
// That becomes subtests like TestHostname/01-uts/root and
// TestHostname/06-full-runtime/user. With -program there is one program, yours,
// in place of the lessons.
package harness

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/unpack"
)

var (
	programFlag  = flag.String("program", "", "grade this program instead of the lessons: a Go package `DIR` or an executable; a relative path is relative to the workspace root")
	prebuiltFlag = flag.String("prebuilt", "", "take the lessons' programs from this `DIR` instead of building them, on a machine without Go")
	asFlag       = flag.String("as", "", "treat -program as this `LESSON` (default: the one it is named after, or else the first that a test is for)")

	patience = flag.Duration("patience", 20*time.Second, "how long a program may take for anything")

	// Grace is how long after a program's end its traces may still be there. Who
	// is killed cannot clean up, but others can.
	Grace = flag.Duration("grace", 5*time.Second, "how long a program's traces may outlast it")
)

var scaleFlag = flag.Int("scale", 1, "repeat `N` times as often what tests repeat with random instants")

// Scaled is how often to repeat something.
func Scaled(times int) int { return times * *scaleFlag }

// Graded tells whether there is a -program in place of the lessons.
func Graded() bool { return *programFlag != "" }

// Prebuilt tells whether this is a machine that was given only programs.
func Prebuilt() bool { return *prebuiltFlag != "" }

// Main is TestMain's work. The longest test, which starts processes of its own, has a
// part of a whole run for itself.
func Main(m *testing.M, longest string) int {
	flag.Parse()
	if status, done := inParts(longest); done {
		return status
	}
	if err := enterStandIn(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Orphans among the programs' processes become our children (prctl(2)), so
	// none escapes our notice.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "prctl PR_SET_CHILD_SUBREAPER:", err)
		return 1
	}
	if err := makeBase(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer removeBase()
	hearIgnored()
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		if !interruptIgnored {
			signal.Notify(signals, syscall.SIGINT)
		}
		<-signals
		removeBase()
		os.Exit(1)
	}()
	status := m.Run()
	if listing := flag.Lookup("test.list").Value.String() != ""; status == 0 && Graded() && cases.Load() == 0 && !listing {
		fmt.Fprintln(os.Stderr, "none of these tests is for -program: look at -run, and at -as if it is there")
		return 1
	}
	if status != 0 {
		fmt.Fprintln(os.Stderr, "On a machine that these tests never passed on, ask whether it is the machine: "+doctor)
	}
	return status
}

// interruptIgnored tells whether SIGINT is not for us, as in a shell's background.
var interruptIgnored = signal.Ignored(syscall.SIGINT)

// hearIgnored handles, by doing nothing, the signals that nohup(1) or a shell's
// background has us ignore. What we start would ignore them as well, and a shell that
// was started so cannot trap them; but a handler is not inherited.
func hearIgnored() {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

// doctor is the program that tells the machine's faults from the lessons'.
const doctor = "go run ./tests/doctor"

// From runs a test against a lesson and all later ones that run a command. With
// identities, it runs it only in these.
func From(t *testing.T, first string, f func(*testing.T, *Case), identities ...string) {
	FromTo(t, first, lessons[len(lessons)-1].Name, f, identities...)
}

// FromTo runs a test against the lessons from first to last that run a command.
func FromTo(t *testing.T, first, last string, f func(*testing.T, *Case), identities ...string) {
	var chosen []*Lesson
	for i := index(first); i <= index(last); i++ {
		if lessons[i].RunsCommand {
			chosen = append(chosen, lessons[i])
		}
	}
	if len(identities) == 0 {
		// Root with --userns is for the tests of the lesson that has it: the ideas of
		// the earlier ones do not depend on it.
		identities = []string{Root, User}
	}
	run(t, chosen, f, identities)
}

// Only runs a test against one lesson.
func Only(t *testing.T, lesson string, f func(*testing.T, *Case), identities ...string) {
	run(t, []*Lesson{lessons[index(lesson)]}, f, identities)
}

// Beside runs a test against a program of this workspace that is not a lesson.
func Beside(t *testing.T, dir string, f func(*testing.T, *Case), identities ...string) {
	t.Helper()
	if Graded() {
		t.Skip("-program is not this one")
	}
	runPrograms(t, []*Program{{filepath.Base(dir), Build(t, dir), &Lesson{Name: filepath.Base(dir)}}}, f, identities)
}

func run(t *testing.T, chosen []*Lesson, f func(*testing.T, *Case), identities []string) {
	t.Helper()
	runPrograms(t, graded(t, chosen), f, identities)
}

func runPrograms(t *testing.T, programs []*Program, f func(*testing.T, *Case), identities []string) {
	t.Helper()
	NeverCache(t)
	for _, p := range programs {
		t.Run(p.Name, func(t *testing.T) {
			for _, id := range p.Lesson.identities() {
				if len(identities) > 0 && !slices.Contains(identities, id.Name) {
					continue
				}
				t.Run(id.Name, func(t *testing.T) {
					cases.Add(1)
					id.require(t)
					p.require(t, id)
					f(t, newCase(t, p, id))
				})
			}
		})
	}
}

// cases counts what was run, or could not be on this machine.
var cases atomic.Int64

// Case is one program in one identity, and the host that it must not change.
type Case struct {
	Program  *Program
	Lesson   *Lesson // what is expected of the program
	Identity Identity

	// TempDir is the program's TMPDIR. After the test it must be empty.
	TempDir string

	t    *testing.T
	dir  string
	dirs int
}

func newCase(t *testing.T, p *Program, id Identity) *Case {
	t.Helper()
	c := &Case{Program: p, Lesson: p.Lesson, Identity: id, t: t}
	var err error
	if c.dir, err = os.MkdirTemp(base, "case-"); err == nil {
		err = os.Chmod(c.dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(c.dir) })
	c.TempDir = c.Dir()
	before := snapshot(t)
	t.Cleanup(func() { c.checkHost(before) })
	return c
}

// Store is where lesson 6 keeps this identity's images, for all tests alike.
func (c *Case) Store() string {
	c.t.Helper()
	dir := fmt.Sprintf("%s/%d", stores, c.Identity.Uid())
	if err := os.Mkdir(dir, 0o755); err == nil {
		c.Identity.Give(c.t, dir)
	} else if !os.IsExist(err) {
		c.t.Fatal(err)
	}
	return dir
}

// NewStore makes a store for one test, which is removed after it.
func (c *Case) NewStore() string {
	c.t.Helper()
	dir, err := os.MkdirTemp(stores, "one-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.Identity.Give(c.t, dir)
	c.t.Cleanup(func() {
		if c.Identity.uid < 0 && c.Identity.IsUser() && c.Lesson.MakesUserNS {
			// Files in it may belong to our subordinate ids, which the program can
			// become and we cannot.
			prune := c.Command()
			prune.Flags = []string{"--store=" + dir, "--prune=all"}
			prune.Run()
		}
		if err := unpack.RemoveAll(dir); err != nil {
			c.t.Errorf("a store that this test has made is left behind: %v", err)
		}
	})
	return dir
}

// Dir makes a directory that is the identity's and that everybody can reach. It
// is removed after the test.
func (c *Case) Dir() string {
	c.t.Helper()
	c.dirs++
	dir := fmt.Sprintf("%s/%d", c.dir, c.dirs)
	if err := os.Mkdir(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	c.Identity.Give(c.t, dir)
	return dir
}

// NeverCache keeps `go test` from answering from its cache. It knows what this
// test is made of, but not that it builds and runs the lessons, so it would call
// a broken one "ok (cached)". It does look again at the directories that a test
// changed to, and this one changes all the time.
func NeverCache(t *testing.T) {
	once.Do(func() {
		here, err := os.Getwd()
		if err == nil {
			err = os.Chdir(os.TempDir())
		}
		if err == nil {
			err = os.Chdir(here)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

var once sync.Once
