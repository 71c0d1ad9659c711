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
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// Graded tells whether there is a -program in place of the lessons.
func Graded() bool { return *programFlag != "" }

// Main is TestMain's work.
func Main(m *testing.M) int {
	flag.Parse()
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
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		<-signals
		removeBase()
		os.Exit(1)
	}()
	return m.Run()
}

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

func run(t *testing.T, chosen []*Lesson, f func(*testing.T, *Case), identities []string) {
	t.Helper()
	NeverCache(t)
	programs := graded(t, chosen)
	for _, p := range programs {
		t.Run(p.Name, func(t *testing.T) {
			for _, id := range p.Lesson.identities() {
				if len(identities) > 0 && !slices.Contains(identities, id.Name) {
					continue
				}
				t.Run(id.Name, func(t *testing.T) {
					id.require(t)
					f(t, newCase(t, p, id))
				})
			}
		})
	}
}

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

// base holds the programs that we build and the directories that they run with.
var base string

func makeBase() error {
	var err error
	if base, err = os.MkdirTemp("", "lessons-under-test-"); err != nil {
		return err
	}
	// On the stand-in host it is in memory: ext4 is slow to give away again, within
	// seconds, what was just deleted.
	if os.Geteuid() == 0 && standInError == nil {
		if err := unix.Mount("tmpfs", base, "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("mount tmpfs on %s: %w", base, err)
		}
	}
	// The ordinary user must be able to reach it.
	return os.Chmod(base, 0o755)
}

func removeBase() {
	_ = unix.Unmount(base, unix.MNT_DETACH)
	_ = os.RemoveAll(base)
}
