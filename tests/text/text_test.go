package text

import (
	"slices"
	"strings"
	"testing"
)

const sample = `# A title: with *signs*

Words and [a link](../x.md#a-b).

<!-- as root: only root may -->
` + "```console" + `
$ cat <<END
> text
> END
text
$ sh
# echo one
one
/ # exit
two
` + "```" + `

The words
after it.

More.
`

func TestParse(t *testing.T) {
	x, err := Parse("x", sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Headings) != 1 || x.Headings[0].Anchor() != "a-title-with-signs" {
		t.Errorf("headings: %+v", x.Headings)
	}
	if len(x.Links) != 1 || x.Links[0] != (Link{"../x.md#a-b", 3}) {
		t.Errorf("links: %+v", x.Links)
	}
	if len(x.Blocks) != 1 {
		t.Fatalf("blocks: %+v", x.Blocks)
	}
	b := x.Blocks[0]
	if b.Language != "console" || b.Line != 7 || b.Note != "as root: only root may" || b.After != "The words after it." {
		t.Errorf("block: %+v", b)
	}
	steps, err := b.Steps()
	if err != nil || len(steps) != 2 {
		t.Fatalf("steps: %+v, %v", steps, err)
	}
	if steps[0].Command != "cat <<END\ntext\nEND" || !slices.Equal(steps[0].Output, []string{"text"}) {
		t.Errorf("step: %+v", steps[0])
	}
	if steps[1].Line != 11 || !slices.Equal(steps[1].Typed, []string{"echo one", "exit"}) || !slices.Equal(steps[1].Output, []string{"one", "two"}) {
		t.Errorf("step: %+v", steps[1])
	}
	if _, err := Parse("x", "```sh\ntrue\n"); err == nil {
		t.Error("a block without an end was accepted")
	}
	if _, err := (Block{Lines: []string{"output"}}).Steps(); err == nil {
		t.Error("a transcript without a command was accepted")
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		shown, lines string
		want         bool
	}{
		{"a b", "a b", true},
		{"a b", "a c", false},
		{"a b", "a b c d", false},
		{"a.c", "abc", false},
		{"pid …", "pid 17", true},
		{"pid … of …!", "pid 17 of me!", true},
		{"pid …", "id 17", false},
		{"a|…|c", "a|b|b|c", true},
		{"a|…|c", "a|c", true},
		{"a|…|c", "a|b", false},
		{"…|a|…|b|…", "x|a|y|b", true},
		{"…|a|…|b|…", "x|b|y|a", false},
		{"a", "a|b", false},
		{"a|b", "a", false},
	} {
		if got := Match(strings.Split(test.shown, "|"), strings.Split(test.lines, "|")); got != test.want {
			t.Errorf("%q matches %q: %v", test.shown, test.lines, got)
		}
	}
	if !Match(nil, nil) || Match(nil, []string{""}) {
		t.Error("what prints nothing is shown as nothing")
	}
}

func TestExcerpt(t *testing.T) {
	lines := strings.Split("a b c d e f", " ")
	for _, test := range []struct {
		shown string
		found []int
		ok    bool
	}{
		{"b c", []int{1, 2}, true},
		{"b d", nil, false},
		{"b … d e", []int{1, 3, 4}, true},
		{"d … b", nil, false},
		{"a b c d e f", []int{0, 1, 2, 3, 4, 5}, true},
		{"e f g", nil, false},
	} {
		found, ok := Excerpt(strings.Split(test.shown, " "), lines)
		if !slices.Equal(found, test.found) || ok != test.ok {
			t.Errorf("%q: %v, %v", test.shown, found, ok)
		}
	}
}
