package harness

import "fmt"

// Lesson is what the harness knows of a lesson's program.
type Lesson struct {
	Name string
	// Flags are put before the command, and before a test's own.
	Flags []string
	// NeedsRoot says that an ordinary user runs it under `unshare -r`.
	NeedsRoot bool
	// RunsCommand is false where there is nothing but files to see.
	RunsCommand bool
	// MountsTmpfs says that it mounts a tmpfs on /mnt, with a file hello.
	MountsTmpfs bool
	// MakesUserNS says that it has a flag --userns.
	MakesUserNS bool
}

var lessons = []*Lesson{
	{Name: "01-uts", NeedsRoot: true, RunsCommand: true},
	{Name: "02-mount", NeedsRoot: true, RunsCommand: true, MountsTmpfs: true},
	{Name: "03-pid", NeedsRoot: true, RunsCommand: true, MountsTmpfs: true},
	{Name: "04-chroot", NeedsRoot: true, RunsCommand: true, MountsTmpfs: true},
	{Name: "05-oci-pull"},
	{Name: "06-full-runtime", RunsCommand: true, MakesUserNS: true, Flags: []string{"--image=lab"}},
}

func index(name string) int {
	for i, l := range lessons {
		if l.Name == name {
			return i
		}
	}
	panic(fmt.Sprintf("no lesson %q", name))
}

// AtLeast tells whether a lesson is this one or comes after it.
func (l *Lesson) AtLeast(name string) bool { return index(l.Name) >= index(name) }
