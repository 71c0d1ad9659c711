// Package printable makes what strangers wrote fit for a terminal. Registries and
// images choose names, types and error messages, and an escape sequence in one of them
// could clear the screen, change the window's title or type at the prompt.
package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text escapes every character that a terminal could obey: control characters (C0 and
// C1), marks that turn the direction of writing, and bytes that are not UTF-8. Line
// ends and tabs stay. Everything that lessons 5 and 6 print goes through here.
func Text(s string) string {
	if strings.IndexFunc(s, isUnsafe) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if isUnsafe(r) {
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// isUnsafe takes the replacement character for a byte that is not UTF-8.
func isUnsafe(r rune) bool {
	return r != '\n' && r != '\t' && (r == utf8.RuneError || !strconv.IsPrint(r))
}

// Line makes one line of what a stranger wrote, so that it cannot pass for two of
// ours. What needs escaping is quoted as a whole.
func Line(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "..."
	}
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// List makes one line of at most ten names.
func List(names []string) string {
	const most = 10
	var shown []string
	for _, name := range names[:min(len(names), most)] {
		shown = append(shown, Line(name))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
