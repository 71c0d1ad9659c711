package printable

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain: zürich, 日本":        "plain: zürich, 日本",
		"two\nlines\tand a tab":    "two\nlines\tand a tab",
		`a \ and "quotes"`:         `a \ and "quotes"`,
		"\x1b[2J\x1b]0;title\a":    `\x1b[2J\x1b]0;title\a`,
		"back\rspace\b\x7f\x00":    `back\rspace\b\x7f\x00`,
		"C1: \u009b31m":            `C1: \u009b31m`,
		"raw C1: \x9b31m":          `raw C1: \x9b31m`,
		"bidi: \u202egnp.exe":      `bidi: \u202egnp.exe`,
		"isolate: \u2066x\u2069":   `isolate: \u2066x\u2069`,
		"zero width: a\u200bb":     `zero width: a\u200bb`,
		"line ends: \u2028 \u0085": `line ends: \u2028 \u0085`,
		"cut: \xe6\x97":            `cut: \xe6\x97`,
	} {
		if got := Text(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"application/x":          "application/x",
		"a\nsecond line":         `"a\nsecond line"`,
		"\x1b[2J":                `"\x1b[2J"`,
		strings.Repeat("x", 500): strings.Repeat("x", 200) + "...",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[2J")
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is shown as %q, which is not UTF-8", s, got)
		}
		for _, r := range got {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("%q is shown with %U", s, r)
			}
		}
	})
}
