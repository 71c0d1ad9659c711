// Package text reads the lessons' texts, README.md files, and compares what they
// show with what is so.
//
// In a block of code, an ellipsis stands for what varies or was left out: "…" in
// a line for any text, a line "…" for any lines, none included.
package text

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Text is a Markdown file.
type Text struct {
	Path     string
	Headings []Heading
	Blocks   []Block
	Links    []Link
	Lines    []string
}

// Heading is a line with # at its beginning.
type Heading struct {
	Level int
	Title string
	Line  int
}

// Block is a block of code between two lines of backquotes.
type Block struct {
	Language string
	Lines    []string
	Line     int    // of the first of them
	Note     string // the HTML comment in the line above
	Heading  string // of the section that it stands in
	After    string // the paragraph that follows, in one line
}

// Link is the target of a link.
type Link struct {
	Target string
	Line   int
}

var (
	comment = regexp.MustCompile(`^<!-- (.*) -->$`)
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// Read reads a text.
func Read(path string) (*Text, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(content))
}

// Parse reads a text from a string.
func Parse(path, content string) (*Text, error) {
	t := &Text{Path: path, Lines: strings.Split(content, "\n")}
	var block *Block
	var heading, note string
	for i, line := range t.Lines {
		switch {
		case block != nil && line == "```":
			block.After = paragraph(t.Lines[i+1:])
			t.Blocks = append(t.Blocks, *block)
			block = nil
		case block != nil:
			block.Lines = append(block.Lines, line)
		case strings.HasPrefix(line, "```"):
			block = &Block{Language: line[3:], Line: i + 2, Note: note, Heading: heading}
		case strings.HasPrefix(line, "#"):
			title := strings.TrimLeft(line, "#")
			heading = strings.TrimSpace(title)
			t.Headings = append(t.Headings, Heading{len(line) - len(title), heading, i + 1})
		default:
			for _, match := range link.FindAllStringSubmatch(line, -1) {
				t.Links = append(t.Links, Link{match[1], i + 1})
			}
		}
		note = ""
		if match := comment.FindStringSubmatch(line); match != nil {
			note = match[1]
		}
	}
	if block != nil {
		return nil, fmt.Errorf("%s:%d: the block does not end", path, block.Line)
	}
	return t, nil
}

// paragraph is the first paragraph of lines, in one line.
func paragraph(lines []string) string {
	var words []string
	for _, line := range lines {
		if line == "" && len(words) > 0 || strings.HasPrefix(line, "```") {
			break
		}
		words = append(words, strings.Fields(line)...)
	}
	return strings.Join(words, " ")
}

// Anchor is the name by which a link reaches a heading.
func (h Heading) Anchor() string {
	var b strings.Builder
	for _, r := range strings.ToLower(h.Title) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Step is one command of a transcript.
type Step struct {
	Command string
	Typed   []string // to the program that it starts
	Output  []string
	Line    int
}

// The prompts in transcripts: the reader's shell, its second line, and shells
// that were started from there.
const (
	prompt     = "$ "
	morePrompt = "> "
)

var innerPrompts = []string{"# ", "/ # "}

// Steps are the commands of a transcript.
func (b Block) Steps() ([]Step, error) {
	var steps []Step
	for i, line := range b.Lines {
		if command, ok := strings.CutPrefix(line, prompt); ok {
			steps = append(steps, Step{Command: command, Line: b.Line + i})
			continue
		}
		if len(steps) == 0 {
			return nil, fmt.Errorf("line %d: a transcript begins with a prompt and a command, %q", b.Line+i, prompt+"COMMAND")
		}
		step := &steps[len(steps)-1]
		if more, ok := strings.CutPrefix(line, morePrompt); ok && len(step.Output)+len(step.Typed) == 0 {
			step.Command += "\n" + more
			continue
		}
		typed := false
		for _, prompt := range innerPrompts {
			if keys, ok := strings.CutPrefix(line, prompt); ok {
				step.Typed = append(step.Typed, keys)
				typed = true
			}
		}
		if !typed {
			step.Output = append(step.Output, line)
		}
	}
	return steps, nil
}

const ellipsis = "…"

// Match tells whether lines are what a text shows.
func Match(shown, lines []string) bool {
	if len(shown) == 0 {
		return len(lines) == 0
	}
	if strings.TrimSpace(shown[0]) == ellipsis {
		for i := range len(lines) + 1 {
			if Match(shown[1:], lines[i:]) {
				return true
			}
		}
		return false
	}
	return len(lines) > 0 && matchLine(shown[0], lines[0]) && Match(shown[1:], lines[1:])
}

func matchLine(shown, line string) bool {
	shown, line = strings.TrimRight(shown, " \t\r"), strings.TrimRight(line, " \t\r")
	parts := strings.Split(shown, ellipsis)
	if len(parts) == 1 {
		return shown == line
	}
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(line)
}

// Excerpt tells whether what a text shows is part of lines: consecutive ones,
// except where the text has a line with an ellipsis. It returns the numbers of
// the lines that are shown.
func Excerpt(shown, lines []string) (found []int, ok bool) {
	next := 0
	for _, piece := range pieces(shown) {
		at := next
		for ; at+len(piece) <= len(lines); at++ {
			if same(piece, lines[at:at+len(piece)]) {
				break
			}
		}
		if at+len(piece) > len(lines) {
			return nil, false
		}
		next = at + len(piece)
		for i := at; i < next; i++ {
			found = append(found, i)
		}
	}
	return found, true
}

// pieces are the lines between those with an ellipsis.
func pieces(shown []string) [][]string {
	var all [][]string
	var piece []string
	for _, line := range append(shown[:len(shown):len(shown)], ellipsis) {
		if strings.TrimSpace(line) != ellipsis {
			piece = append(piece, line)
		} else if len(piece) > 0 {
			all = append(all, piece)
			piece = nil
		}
	}
	return all
}

func same(a, b []string) bool {
	for i := range a {
		if strings.TrimRight(a[i], " \t") != strings.TrimRight(b[i], " \t") {
			return false
		}
	}
	return true
}
