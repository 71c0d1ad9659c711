// Package advice says what a user can do about an error on this machine. Steps
// return errors that name the step and the errno; the words for the user stand here
// alone. Only main and inside/pid1.go ask.
package advice

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// hint is what helps when a step fails.
type hint struct {
	step  string        // as the error's Step method has it
	errno syscall.Errno // 0: whatever the error is
	words string
	look  func(err error, userNS bool) string // finds the words on this machine, or ""
}

// For returns what helps, or "". Whether the container has a user namespace of its
// own decides which of the machine's settings matter.
func For(err error, userNS bool) string {
	for _, h := range hints {
		if h.errno != 0 && !errors.Is(err, h.errno) || !failedAt(err, h.step) {
			continue
		}
		if h.look == nil {
			return h.words
		}
		if words := h.look(err, userNS); words != "" {
			return words
		}
	}
	return ""
}

// failedAt reports whether an error, or one that it wraps, is of this step.
func failedAt(err error, step string) bool {
	var at interface {
		error
		Step() string
	}
	for errors.As(err, &at) {
		if at.Step() == step {
			return true
		}
		err = errors.Unwrap(at)
	}
	return false
}

// Hint adds what helps to an error's text, on a line of its own.
func Hint(err error, userNS bool) string {
	if words := For(err, userNS); words != "" {
		return err.Error() + "\n" + words
	}
	return err.Error()
}

// forbiddenUserNS names the setting that forbids user namespaces on this machine.
func forbiddenUserNS(_ error, userNS bool) string {
	if !userNS {
		return ""
	}
	for _, setting := range []struct{ name, forbids, allow string }{
		{"kernel.unprivileged_userns_clone", "0", "1"},
		{"user.max_user_namespaces", "0", "10000"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
	} {
		value, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(setting.name, ".", "/"))
		if err == nil && strings.TrimSpace(string(value)) == setting.forbids {
			return "user namespaces are forbidden here; allow them: sudo sysctl " + setting.name + "=" + setting.allow
		}
	}
	return ""
}

func lacksAdmin(_ error, userNS bool) string {
	if userNS {
		return ""
	}
	return "this root lacks CAP_SYS_ADMIN, as in a container: try --userns"
}

// lackingID names the line that would give the container the id that it lacks.
func lackingID(err error, _ bool) string {
	var lack interface{ Line() (line, file string) }
	if errors.As(err, &lack) {
		if line, file := lack.Line(); line != "" {
			return "to have more ids, add the line " + line + " to " + file
		}
	}
	return noSuchID
}
