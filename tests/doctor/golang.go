package main

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// workspace is the directory with go.work, here or above.
func workspace() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == "/" {
			return "", fmt.Errorf("%s is not in the tutorial's checkout", here)
		}
	}
}

var errSlow = errors.New("go gives no answer")

// runGo runs the go command in the workspace.
func (p *patient) runGo(wait time.Duration, env []string, args ...string) (string, error) {
	dir, err := workspace()
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(p.ctx, wait)
	defer stop()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.WaitDelay = patience
	output, err := cmd.Output()
	var exit *exec.ExitError
	if ctx.Err() != nil {
		err = errSlow
	} else if errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(output)), err
}

const getGo = "install it as https://go.dev/doc/install says; distributions' own are often older"

func goCommand(p *patient) finding {
	if _, err := exec.LookPath("go"); err != nil {
		if p.root() && os.Getenv("SUDO_USER") != "" {
			return ok("not in sudo's PATH, and not needed there: go run -exec sudo ./01-uts")
		}
		return need("not in PATH", "everything", getGo)
	}
	have, err := p.runGo(patience, nil, "env", "GOVERSION")
	if err != nil {
		return need(err.Error(), "everything", "run it in the tutorial's checkout, with a Go that is new enough: "+getGo)
	}
	dir, err := workspace()
	if err != nil {
		return need(err.Error(), "everything", "cd to it")
	}
	want := "go"
	for line := range strings.Lines(read(filepath.Join(dir, "go.work"))) {
		if v, ok := strings.CutPrefix(line, "go "); ok {
			want += strings.TrimSpace(v)
		}
	}
	if version.Compare(have, want) < 0 {
		return need(fmt.Sprintf("%s is older than %s", have, want), "everything", getGo)
	}
	return ok("%s", have)
}

// goModules tells whether all that the lessons and their tests import is in the
// module cache, or else could be fetched.
func goModules(p *patient) finding {
	if _, err := exec.LookPath("go"); err != nil {
		return finding{verdict: untried, text: "there is no go"}
	}
	_, err := p.runGo(time.Minute, []string{"GOPROXY=off"}, "list", "-deps", "-test", "work")
	switch {
	case err == nil:
		return ok("all in the cache: it compiles without a network")
	case errors.Is(err, errSlow):
		return finding{verdict: untried, text: err.Error()}
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	if _, netErr := p.runGo(5*time.Second, nil, "list", "-m", "-versions", "golang.org/x/sys"); netErr != nil {
		return need("not all in the cache, and no network to fetch them: "+first,
			"compiling lessons 4 to 6 and the tests", "with a network once: go mod download, in each lesson's directory and in tests; behind a proxy: go env -w GOPROXY=URL")
	}
	return ok("not all in the cache, but they can be fetched")
}
