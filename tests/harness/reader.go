package harness

import (
	"slices"
	"testing"
)

// AsReader runs a test in each identity, or in these, for commands as a reader
// types them: the program under test is a shell.
func AsReader(t *testing.T, f func(*testing.T, *Case), identities ...string) {
	t.Helper()
	NeverCache(t)
	shell := &Program{Name: "sh", Path: "/bin/sh", Lesson: &Lesson{}}
	for _, id := range shell.Lesson.identities() {
		if len(identities) > 0 && !slices.Contains(identities, id.Name) {
			continue
		}
		t.Run(id.Name, func(t *testing.T) {
			id.require(t)
			f(t, newCase(t, shell, id))
		})
	}
}

// Require skips a test on a machine where its lessons cannot run at all, and so
// every test in a process of its own would be skipped.
func Require(t *testing.T) {
	t.Helper()
	(&Lesson{}).identities()[0].require(t)
}
