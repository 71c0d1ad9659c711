package tests

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"example.com/container-go/tests/harness"
	"example.com/container-go/tests/text"
)

// The commands of each text, typed into one shell, print what the text shows. The
// shell is at the root of a copy of the workspace, and two commands in its PATH
// stand in for others:
//
//   - go, for `go run` and `go build`: the tests have built the programs already.
//     TestTextsGoRun compares it with the real one.
//   - sudo, which may be missing or ask for a password: root runs the command as it
//     is, and an ordinary user under `unshare -r`.
//
// TMPDIR is the session's own and shown as /tmp; and the mirror of Docker Hub that is
// set has but one image, under the name of alpine.
func TestTextsSessions(t *testing.T) {
	all := texts(t)
	mirror := newRegistry(t)
	mirror.push(t, "library/alpine:latest", helloAlpine(t))
	for _, x := range all {
		if forOtherMachines(t, x) {
			continue
		}
		t.Run(nameOf(t, x), func(t *testing.T) {
			bin := standIns(t, x)
			harness.AsReader(t, func(t *testing.T, c *harness.Case) {
				steps := sessionSteps(t, c, x)
				if len(steps) == 0 {
					return
				}
				cmd := c.Command("-c", script(steps))
				cmd.Dir = copyWorkspace(t, c)
				cmd.Env = []string{"PATH=" + bin + ":" + readersPath(c), "CONTAINER_GO_MIRROR=" + mirror.host, "CONTAINER_GO_STORE=" + c.NewStore()}
				r := cmd.Run()
				for i, step := range steps {
					lines, status := printed(r.Stdout, i, c.TempDir)
					step.check(t, nameOf(t, x), lines, status)
				}
			})
		})
	}
}

// readersPath is where a reader's shell looks for commands. Debian's ordinary users
// have no sbin in it, and `unshare -r` adds none, as sudo does.
func readersPath(c *harness.Case) string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	if c.Identity.IsUser() {
		dirs = slices.DeleteFunc(dirs, func(dir string) bool { return filepath.Base(dir) == "sbin" })
	} else {
		dirs = append(dirs, "/usr/sbin", "/sbin")
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// sessionStep is one command of a text.
type sessionStep struct {
	text.Step
	succeeds bool // is all that is asked
}

// sessionSteps are the commands of a text that one identity runs.
func sessionSteps(t *testing.T, c *harness.Case, x *text.Text) []sessionStep {
	t.Helper()
	var all []sessionStep
	for _, b := range x.Blocks {
		note, _, _ := strings.Cut(b.Note, ":")
		if notRun(b) || note == "test command" || note == "mutation" ||
			note == "as root" && c.Identity.IsUser() || note == "as an ordinary user" && !c.Identity.IsUser() {
			continue
		}
		switch b.Language {
		case "console":
			steps, err := b.Steps()
			if err != nil {
				t.Fatalf("%s: %v", nameOf(t, x), err)
			}
			for _, step := range steps {
				all = append(all, sessionStep{step, false})
			}
		case "sh":
			command, end := "", ""
			for i, line := range b.Lines {
				command += line
				if match := hereDocument.FindStringSubmatch(line); match != nil {
					end = match[1]
				}
				if strings.HasSuffix(line, `\`) || end != "" && line != end {
					command += "\n"
					continue
				}
				end = ""
				// The tests of the tests are elsewhere: in the exercises.
				if command != "" && command[0] != '#' && !strings.HasPrefix(command, "go test") {
					all = append(all, sessionStep{text.Step{Command: command, Line: b.Line + i}, true})
				}
				command = ""
			}
		}
	}
	return all
}

var hereDocument = regexp.MustCompile(`<<(\w+)$`)

const endOfStep = "@@ end of step %d: "

// script runs the steps in one shell. Each finds the status of the one before in $?.
func script(steps []sessionStep) string {
	var b strings.Builder
	b.WriteString("exec 2>&1\nstatus=0\n")
	for i, step := range steps {
		fmt.Fprintf(&b, "(exit $status)\n{\n%s\n} ", step.Command)
		if len(step.Typed) > 0 {
			fmt.Fprintf(&b, "<<'@@ typed'\n%s\n@@ typed\n", strings.Join(step.Typed, "\n"))
		} else {
			b.WriteString("</dev/null\n")
		}
		fmt.Fprintf(&b, "status=$?\nprintf '\\n"+endOfStep+"%%d\\n' $status\n", i)
	}
	return b.String()
}

// printed is what a step printed, and its status, "" if it did not come to an end.
func printed(output string, step int, tempDir string) (lines []string, status string) {
	if step > 0 {
		_, output, _ = strings.Cut(output, fmt.Sprintf(endOfStep, step-1))
		_, output, _ = strings.Cut(output, "\n")
	}
	output, rest, ended := strings.Cut(output, "\n"+fmt.Sprintf(endOfStep, step))
	if ended {
		status, _, _ = strings.Cut(rest, "\n")
	}
	output = strings.ReplaceAll(output, tempDir, "/tmp")
	if output = strings.TrimSuffix(output, "\n"); output != "" {
		lines = strings.Split(output, "\n")
	}
	return lines, status
}

// check compares what the text shows with what was printed.
func (s sessionStep) check(t *testing.T, file string, lines []string, status string) {
	t.Helper()
	where := fmt.Sprintf("%s:%d: $ %s\n", file, s.Line, s.Command)
	switch said := strings.Join(lines, "\n"); {
	case status == "":
		t.Errorf("%sdid not come to an end; it has printed\n%s", where, said)
	case s.succeeds && status != "0" && !(status == "1" && strings.HasPrefix(s.Command, "diff ")):
		t.Errorf("%sended with status %s\n%s", where, status, said)
	case !s.succeeds && !text.Match(s.Output, lines):
		t.Errorf("%sprinted\n%s\nand the text shows\n%s", where, said, strings.Join(s.Output, "\n"))
	case !s.succeeds:
		// No line of the text could be another.
		for i, line := range s.Output {
			if strings.TrimSpace(line) == "…" {
				continue
			}
			changed := slices.Clone(s.Output)
			changed[i] += "~"
			if text.Match(changed, lines) {
				t.Errorf("%swould be right also with the line %s", where, changed[i])
			}
		}
	}
}

var goPackage = regexp.MustCompile(`go (?:run|build) [^|;&]*?\./([\w/-]+)`)

// standIns makes a directory with go and sudo, for the programs that a text runs.
func standIns(t *testing.T, x *text.Text) string {
	t.Helper()
	cases := ""
	for _, line := range x.Lines {
		for _, match := range goPackage.FindAllStringSubmatch(line, -1) {
			dir := match[1]
			if strings.Contains(cases, "./"+dir+")") || !exists(filepath.Join(harness.Workspace(t), dir, "main.go")) {
				continue
			}
			var env []string
			if dir == "04-chroot/escape" {
				env = []string{"CGO_ENABLED=0"} // as its text builds it
			}
			cases += fmt.Sprintf("./%s) program=%s ;;\n", dir, harness.Build(t, dir, env...))
		}
	}
	dir := readable(t)
	writeScript(t, dir+"/go", fmt.Sprintf(`
choose() {
	package=$1
	# In a copy of a lesson, the lesson: without a workspace around it is a module.
	[ "$1 $GOWORK" != ". off" ] || package=./$(sed -n 's,^module example.com/container-go/,,p' go.mod)
	case $package in
	%s*) echo "no stand-in for $1" >&2; exit 1 ;;
	esac
}
case "$1 $2" in
"run -exec") under=$3; shift 3 ;;
"run "*) under=; shift ;;
"build -o") choose "$4"; exec cp "$program" "$3" ;;
"env GOARCH") echo %s; exit ;;
*) echo "no stand-in for go $*" >&2; exit 1 ;;
esac
choose "$1"
shift
eval "$under \"\$program\" \"\$@\"" && exit
echo "exit status $?" >&2
exit 1
`, cases, runtime.GOARCH))
	writeScript(t, dir+"/sudo", `
[ "$(id -u)" = 0 ] && exec "$@"
exec unshare -r "$@"
`)
	return dir
}

func writeScript(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh"+content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// readable makes a directory that everybody can reach.
func readable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for above := dir; above != os.TempDir() && above != "/"; above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// copyWorkspace gives the identity the lessons, to do with as the text says.
func copyWorkspace(t *testing.T, c *harness.Case) string {
	t.Helper()
	root, dir := harness.Workspace(t), c.Dir()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && !lessonName.MatchString(name+"/") {
			return fs.SkipDir
		}
		to := filepath.Join(dir, name)
		if d.IsDir() {
			err = os.Mkdir(to, 0o755)
		} else if ext := filepath.Ext(name); ext == ".go" || ext == ".mod" || ext == ".sum" || ext == ".work" || ext == ".md" {
			var content []byte
			if content, err = os.ReadFile(path); err == nil {
				err = os.WriteFile(to, content, 0o644)
			}
		} else {
			return nil
		}
		c.Identity.Give(t, to)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// helloAlpine stands in for Alpine: a shell and some tools under its name.
func helloAlpine(t *testing.T) v1.Image {
	t.Helper()
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	release := "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\n"
	img, err := mutate.Config(newImage(t, "", lab, gzipLayer(t, file("etc/os-release", release))), v1.Config{Cmd: []string{"/bin/sh"}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The stand-in for go says what go says.
func TestTextsGoRun(t *testing.T) {
	x, err := text.Parse("", "go run ./01-uts")
	if err != nil {
		t.Fatal(err)
	}
	if harness.Graded() || harness.Prebuilt() {
		t.Skip("without the lessons and Go there is nothing to compare")
	}
	under := ""
	if os.Geteuid() != 0 {
		under = `-exec "unshare -r" `
	}
	dirs := []string{harness.Workspace(t), filepath.Join(t.TempDir(), "my-container")}
	if err := os.CopyFS(dirs[1], os.DirFS(filepath.Join(dirs[0], "01-uts"))); err != nil {
		t.Fatal(err)
	}
	for i, command := range []string{
		"./01-uts hostname", "./01-uts sh -c 'echo out; echo err >&2'", "./01-uts sh -c 'exit 7'", "./01-uts no-such-command",
		". hostname", ". sh -c 'exit 7'",
	} {
		var said []string
		for _, path := range []string{"", standIns(t, x) + ":"} {
			cmd := exec.Command("sh", "-c", "go run "+under+command+"; echo status $?")
			cmd.Dir = dirs[i/4]
			cmd.Env = append(os.Environ(), "PATH="+path+os.Getenv("PATH"))
			if i >= 4 {
				cmd.Env = append(cmd.Env, "GOWORK=off")
			}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, string(out))
		}
		if said[0] != said[1] {
			t.Errorf("go run %s%s says\n%s\nand the stand-in\n%s", under, command, said[0], said[1])
		}
	}
}

// With lesson 6's go.mod a copy of lesson 4 can import lesson 5's packages, as the text
// of that says.
func TestTextsGoMod(t *testing.T) {
	if harness.Graded() || harness.Prebuilt() {
		t.Skip("without the lessons and Go there is nothing to build")
	}
	root, dir := harness.Workspace(t), t.TempDir()
	for to, from := range map[string]string{"04-chroot": "04-chroot", "my-container": "04-chroot", lesson5: lesson5} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join(root, from))); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "my-container")
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, runtime6, name))
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(copied, name))
		writeFile(t, filepath.Join(copied, name), string(content))
	}
	writeFile(t, filepath.Join(copied, "image.go"), "package main\n\nimport _ \"example.com/container-go/05-oci-pull/pull\"\n")
	cmd := exec.Command("go", "vet", ".")
	cmd.Dir = copied
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("with lesson 6's go.mod, a copy of lesson 4 that imports lesson 5 should build: %v\n%s", err, out)
	}
}
