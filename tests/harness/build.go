package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Program is an executable under test.
type Program struct {
	Name   string
	Path   string
	Lesson *Lesson
}

// graded returns the programs to test: those of the lessons, or -program.
func graded(t *testing.T, chosen []*Lesson) []*Program {
	t.Helper()
	if *programFlag == "" {
		var building sync.WaitGroup
		for _, l := range chosen {
			building.Go(func() { _, _ = build(filepath.Join(Workspace(t), l.Name), nil) })
		}
		building.Wait()
		var programs []*Program
		for _, l := range chosen {
			programs = append(programs, &Program{l.Name, Build(t, l.Name), l})
		}
		return programs
	}
	path := *programFlag
	if !filepath.IsAbs(path) {
		path = filepath.Join(Workspace(t), path)
	}
	name := filepath.Base(path)
	lesson := chosen[0]
	for _, l := range lessons {
		if *asFlag == l.Name || *asFlag == "" && name == l.Name {
			lesson = l
		}
	}
	if *asFlag != "" && lesson.Name != *asFlag {
		t.Fatalf("-as %s: there is no such lesson", *asFlag)
	}
	if *asFlag != "" && !slices.Contains(chosen, lesson) {
		t.Skipf("this test is not for %s", lesson.Name)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		t.Fatalf("-program: %v\na relative path is relative to the workspace root, %s", err, Workspace(t))
	case info.IsDir():
		path = Build(t, path)
	case info.Mode()&0o111 == 0:
		t.Fatalf("-program: %s is neither a directory nor an executable (chmod +x)", path)
	}
	return []*Program{{name, path, lesson}}
}

// require demands that the identity may run a -program at all. Those that we build are
// where everybody can.
func (p *Program) require(t *testing.T, id Identity) {
	t.Helper()
	if id.uid < 0 || !Graded() {
		return
	}
	cmd := exec.Command("test", "-x", p.Path)
	cmd.SysProcAttr = id.attr()
	if cmd.Run() != nil {
		t.Fatalf("an ordinary user cannot reach %s\nhave the directories above it open to others (chmod o+x), or put a copy where they are, as in /srv", p.Path)
	}
}

var builds struct {
	sync.Mutex
	done map[string]func() (string, error)
}

// Build builds the Go package in a directory, once. A relative directory is
// relative to the workspace root. Everybody can run what it returns; for another
// root filesystem it takes env CGO_ENABLED=0, which needs no libraries.
func Build(t *testing.T, dir string, env ...string) string {
	t.Helper()
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(Workspace(t), dir)
	}
	path, err := build(dir, env)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build(dir string, env []string) (path string, err error) {
	if *prebuiltFlag != "" {
		path = filepath.Join(*prebuiltFlag, filepath.Base(dir))
		_, err = os.Stat(path)
		return path, err
	}
	key := strings.Join(append(env, dir), " ")
	builds.Lock()
	if builds.done == nil {
		builds.done = map[string]func() (string, error){}
	}
	once, ok := builds.done[key]
	if !ok {
		out := fmt.Sprintf("%s/bin-%d/%s", base, len(builds.done), filepath.Base(dir))
		once = sync.OnceValues(func() (string, error) { return out, compile(dir, out, env) })
		builds.done[key] = once
	}
	builds.Unlock()
	return once()
}

// BuildOver builds the Go package in a directory of the workspace as if a file
// in it were another, without touching the file.
func BuildOver(t *testing.T, dir, file, content string) string {
	t.Helper()
	over := t.TempDir()
	changed := filepath.Join(over, "changed.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(Workspace(t), file): changed,
	}})
	if err == nil {
		err = os.WriteFile(changed, []byte(content), 0o644)
	}
	if err == nil {
		err = os.WriteFile(over+"/overlay.json", overlay, 0o644)
	}
	var to string
	if err == nil {
		to, err = os.MkdirTemp(base, "over-")
		t.Cleanup(func() { os.RemoveAll(to) })
	}
	if err == nil {
		err = os.Chmod(to, 0o755)
	}
	out := filepath.Join(to, filepath.Base(dir))
	if err == nil {
		err = compile(filepath.Join(Workspace(t), dir), out, nil, "-overlay="+over+"/overlay.json")
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func compile(dir, out string, env []string, flags ...string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	what := []string{"."}
	if !ours(dir) {
		files, more, err := foreign(dir)
		if err != nil {
			return err
		}
		env = append(env, more...)
		if files != nil {
			what = files
		}
	}
	// Linking takes most of a build's time. `go run` keeps the linked program in Go's
	// build cache, and `go build` does not. With `-exec cp` it copies the program
	// instead of running it. There is no version control stamp: git refuses to
	// describe a checkout to a user who does not own it.
	args := slices.Concat([]string{"run", "-buildvcs=false", "-exec", "cp"}, flags, what, []string{out})
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", dir, err, bytes.TrimSpace(output))
	}
	return os.Chmod(out, 0o755)
}

// ours reports whether a directory is in one of the workspace's own modules.
func ours(dir string) bool {
	root, err := workspace()
	if err != nil {
		return false
	}
	name, err := filepath.Rel(root, dir)
	module, _, _ := strings.Cut(name, "/")
	return err == nil && (module == "tests" || slices.ContainsFunc(lessons, func(l *Lesson) bool { return l.Name == module }))
}

// foreign prepares the build of a program that is not the workspace's own. A
// directory without a go.mod is a program of one package, built from its files.
func foreign(dir string) (files, env []string, err error) {
	module := goEnv(dir, "GOMOD")
	if module == os.DevNull || module == filepath.Join(filepath.Dir(goEnv(dir, "GOWORK")), "go.mod") {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			return nil, nil, fmt.Errorf("%s has no Go files: for a program in another language, name its executable file", dir)
		}
		return slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") }), nil, nil
	}
	// A module of its own may be inside the workspace and not in go.work.
	list := exec.Command("go", "list", ".")
	list.Dir = dir
	if list.Run() != nil {
		env = append(env, "GOWORK=off")
	}
	return nil, env, nil
}

func goEnv(dir, name string) string {
	cmd := exec.Command("go", "env", name)
	cmd.Dir = dir
	out, _ := cmd.Output()
	return strings.TrimSpace(string(out))
}

// Workspace returns the directory of go.work.
func Workspace(t *testing.T) string {
	t.Helper()
	dir, err := workspace()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var workspace = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for here := dir; ; here = filepath.Dir(here) {
		if _, err := os.Stat(filepath.Join(here, "go.work")); err == nil {
			return here, nil
		}
		if here == filepath.Dir(here) {
			return "", fmt.Errorf("no go.work in %s or above", dir)
		}
	}
})
