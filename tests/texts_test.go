package tests

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
	"example.com/container-go/tests/text"
)

// Every text is checked, so that none can rot. What is checked of a block of code
// goes by its language:
//
//	console    run, command by command, and compared with what they print
//	sh         run, and each command must succeed
//	diff       part of the diff between the lesson and the one before
//	go         part of the lesson's code
//	mermaid    a picture
//
// "…" in a line stands for any text, and a line "…" for any lines. In a transcript
// "$ " comes before a command, "> " before its next lines, and "# " or "/ # " before
// what is typed into the shell that it started. A text is one session: it begins at
// the root of the workspace, and directories and variables stay. Who is meant to be
// root says `sudo`, for which the tests have a stand-in (sessions_test.go).
//
// An HTML comment in the line above a block says what is special about it:
//
//	<!-- not run: WHY -->             no machine that the tests know can run it
//	<!-- as root: WHY -->             run only by root
//	<!-- as an ordinary user: WHY --> run only by somebody else
//	<!-- mutation: NAME -->           a change of "Break it", or a test's words about it
//	<!-- test command -->             the tests themselves

// texts are the Markdown files of the workspace, but not of the reader's own.
func texts(t *testing.T) []*text.Text {
	t.Helper()
	if harness.Graded() || harness.Prebuilt() {
		t.Skip("the texts are about the lessons, and show how Go builds them")
	}
	harness.NeverCache(t)
	var all []*text.Text
	err := filepath.WalkDir(harness.Workspace(t), func(path string, d fs.DirEntry, err error) error {
		// The reader's own copies of lessons are called my-something.
		if d != nil && d.IsDir() && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "my-")) {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		content, err := text.Read(path)
		all = append(all, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lessonTexts are the texts of the lessons that have one, by the lesson's name.
func lessonTexts(t *testing.T) map[string]*text.Text {
	t.Helper()
	found := map[string]*text.Text{}
	for _, x := range texts(t) {
		if name := nameOf(t, x); lessonName.MatchString(name) && filepath.Base(x.Path) == "README.md" {
			found[filepath.Dir(name)] = x
		}
	}
	return found
}

var lessonName = regexp.MustCompile(`^\d\d-[^/]*/`)

// nameOf is a text's path in the workspace.
func nameOf(t *testing.T, x *text.Text) string {
	t.Helper()
	name, err := filepath.Rel(harness.Workspace(t), x.Path)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// lines are those of a file of the workspace.
func lines(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(harness.Workspace(t), file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

// forOtherMachines is the instructor's page: what it says is for machines that are
// to be set up, and tested by TestClassroom….
func forOtherMachines(t *testing.T, x *text.Text) bool {
	return nameOf(t, x) == "tests/classroom/README.md"
}

func notRun(b text.Block) bool { return strings.HasPrefix(b.Note, "not run: ") }

// The lessons' texts have one shape.
func TestTextsShape(t *testing.T) {
	found := lessonTexts(t)
	for _, lesson := range []string{"01-uts", "02-mount", "03-pid", "04-chroot", lesson5, runtime6} {
		if found[lesson] == nil {
			t.Errorf("%s has no README.md", lesson)
		}
	}
	for lesson, x := range found {
		var parts []string
		for _, heading := range x.Headings {
			if heading.Level == 2 {
				parts = append(parts, heading.Title)
			}
		}
		want := []string{
			"What you will be able to explain", "The idea", "First without Go", "Predict", "Run it", "The code",
			"What can go wrong here", "Break it", "Your turn", "Further reading",
		}
		if !slices.Equal(parts, want) {
			t.Errorf("the parts of %s/README.md are\n%q, not\n%q", lesson, parts, want)
		}
	}
}

// Every block is of a kind that is checked.
func TestTextsBlocks(t *testing.T) {
	for _, x := range texts(t) {
		if forOtherMachines(t, x) {
			continue
		}
		for _, b := range x.Blocks {
			known := slices.Contains([]string{"console", "sh", "diff", "go", "mermaid"}, b.Language)
			if !known && !notRun(b) {
				t.Errorf("%s:%d: a block of the language %q, which nobody checks", nameOf(t, x), b.Line, b.Language)
			}
		}
	}
}

// Code is shown as it is.
func TestTextsCode(t *testing.T) {
	for _, x := range texts(t) {
		dir := filepath.Dir(nameOf(t, x))
		for _, b := range x.Blocks {
			if b.Language != "go" || notRun(b) {
				continue
			}
			files := goFiles(t, dir)
			if !slices.ContainsFunc(files, func(file string) bool {
				_, ok := text.Excerpt(b.Lines, lines(t, file))
				return ok
			}) {
				t.Errorf("%s:%d: this is not part of any Go file in %s:\n%s", nameOf(t, x), b.Line, dir, strings.Join(b.Lines, "\n"))
			}
		}
	}
}

func goFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	root := harness.Workspace(t)
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			path, err = filepath.Rel(root, path)
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// whole are the lessons whose text shows all of their main.go: as it is or, for the
// stages, as what they add to the one before.
var whole = append(stages, lesson5)

var stages = []string{"01-uts", "02-mount", "03-pid", "04-chroot"}

// unseen checks a stage's text against its main.go, whose lines may be others than
// in the file, and returns what is wrong with it.
func unseen(t *testing.T, stage string, x *text.Text, main []string) []string {
	t.Helper()
	all, language, matters := main, "go", func(line string) bool { return true }
	if n := slices.Index(stages, stage); n > 0 {
		all, language = diff(t, filepath.Join(harness.Workspace(t), stages[n-1], "main.go"), main), "diff"
		matters = func(line string) bool { return line[0] == '+' || line[0] == '-' }
	}
	var problems []string
	seen := map[int]bool{}
	for _, b := range x.Blocks {
		if b.Language != language || b.Note != "" {
			continue
		}
		found, ok := text.Excerpt(b.Lines, all)
		if !ok && slices.Contains(stages, stage) { // else it may be another file's
			problems = append(problems, fmt.Sprintf("line %d: the block is not as it is\n%s", b.Line, strings.Join(b.Lines, "\n")))
		}
		for _, i := range found {
			seen[i] = true
		}
	}
	for i, line := range all {
		if line != "" && matters(line) && !seen[i] {
			problems = append(problems, "not shown: "+line)
		}
	}
	return problems
}

// diff is the body of `diff -u`.
func diff(t *testing.T, old string, lines []string) []string {
	t.Helper()
	cmd := exec.Command("diff", "-u", old, "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatal(err)
	}
	body := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	return body[min(2, len(body)):]
}

// What a lesson adds is what its text shows, all of it.
func TestTextsDiff(t *testing.T) {
	for stage, x := range lessonTexts(t) {
		if !slices.Contains(stages, stage) {
			// What there is before it is something else.
			for _, b := range x.Blocks {
				if b.Language == "diff" && b.Note == "" {
					t.Errorf("%s:%d: a diff, but from what?", nameOf(t, x), b.Line)
				}
			}
		}
		if !slices.Contains(whole, stage) {
			continue
		}
		for _, problem := range unseen(t, stage, x, lines(t, stage+"/main.go")) {
			t.Errorf("%s and %s/main.go: %s", nameOf(t, x), stage, problem)
		}
	}
}

// There is no line in a main.go that can be changed or left out without its text.
func TestTextsNoticeChanges(t *testing.T) {
	found := lessonTexts(t)
	for _, stage := range whole {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			if found[stage] == nil {
				t.Fatal("it has no text")
			}
			main := lines(t, stage+"/main.go")
			for i, line := range main {
				changed := slices.Clone(main)
				changed[i] += " changed"
				if len(unseen(t, stage, found[stage], changed)) == 0 {
					t.Errorf("%s/main.go:%d could be changed without its text: %s", stage, i+1, line)
				}
				if shorter := slices.Delete(slices.Clone(main), i, i+1); line != "" && len(unseen(t, stage, found[stage], shorter)) == 0 {
					t.Errorf("%s/main.go:%d could be left out without its text: %s", stage, i+1, line)
				}
			}
		})
	}
}

// Links within the workspace lead somewhere.
func TestTextsLinks(t *testing.T) {
	for _, x := range texts(t) {
		for _, link := range x.Links {
			path, anchor, _ := strings.Cut(link.Target, "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := x
			if path != "" {
				path = filepath.Join(filepath.Dir(x.Path), path)
				if !exists(path) {
					t.Errorf("%s:%d: a link to %s, which does not exist", nameOf(t, x), link.Line, link.Target)
					continue
				}
				var err error
				if target, err = text.Read(path); anchor != "" && err != nil {
					t.Fatal(err)
				}
			}
			if anchor != "" && !slices.ContainsFunc(target.Headings, func(h text.Heading) bool { return h.Anchor() == anchor }) {
				t.Errorf("%s:%d: a link to %s, and there is no such heading", nameOf(t, x), link.Line, link.Target)
			}
		}
	}
}

// From a lesson's text one gets to each of its packages.
func TestTextsPackages(t *testing.T) {
	for lesson, x := range lessonTexts(t) {
		linked := map[string]bool{lesson: true}
		for _, link := range x.Links {
			linked[filepath.Join(lesson, filepath.Dir(link.Target))] = true
		}
		for _, file := range goFiles(t, lesson) {
			if !linked[filepath.Dir(file)] {
				t.Errorf("%s says nothing of the package %s", nameOf(t, x), filepath.Dir(file))
			}
		}
	}
}

// The tests that texts name exist.
func TestTextsNames(t *testing.T) {
	var tests []string
	files, err := filepath.Glob(filepath.Join(harness.Workspace(t), "tests/*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(content), -1) {
			tests = append(tests, match[1])
		}
	}
	name, pattern := regexp.MustCompile(`\bTest\w+`), regexp.MustCompile(`-run ('[^']+'|[\w$|]+)`)
	for _, x := range texts(t) {
		for i, line := range x.Lines {
			for _, match := range pattern.FindAllStringSubmatch(line, -1) {
				for _, part := range strings.Split(strings.Trim(match[1], "'"), "|") {
					re, err := regexp.Compile(part)
					if err != nil || !slices.ContainsFunc(tests, re.MatchString) {
						t.Errorf("%s:%d: -run %s runs no test", nameOf(t, x), i+1, part)
					}
				}
			}
			for _, named := range name.FindAllString(pattern.ReplaceAllString(line, ""), -1) {
				if !slices.Contains(tests, named) {
					t.Errorf("%s:%d: there is no %s", nameOf(t, x), i+1, named)
				}
			}
		}
	}
}
