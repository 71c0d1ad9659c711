package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"example.com/container-go/tests/harness"
)

// readmeBlocks are the lines of README.md's code blocks in one language.
func readmeBlocks(t *testing.T, language string) []string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(harness.Workspace(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	inside := false
	for line := range strings.Lines(string(readme)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "```"+language:
			inside = true
		case line == "```":
			inside = false
		case inside:
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("README.md has no %s block", language)
	}
	return lines
}

// Every command of the README that can run here does what it says: it succeeds.
func TestReadmeCommands(t *testing.T) {
	for _, line := range readmeBlocks(t, "sh") {
		if strings.HasPrefix(line, "go test") {
			continue // that is us
		}
		t.Run(line, func(t *testing.T) {
			if strings.Contains(line, "-exec sudo") {
				if os.Geteuid() != 0 {
					t.Skip("needs a password, perhaps; root runs it without sudo")
				}
				line = strings.ReplaceAll(line, "-exec sudo ", "")
			}
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = harness.Workspace(t)
			cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
			output, err := cmd.CombinedOutput()
			if strings.HasPrefix(line, "diff ") && cmd.ProcessState.ExitCode() == 1 {
				err = nil // they do differ
			}
			if err != nil {
				t.Errorf("the README's command fails: %v\n$ %s\n%s", err, line, output)
			}
		})
	}
}

// The README's transcript is what a run of lesson 6 says, except for names and
// numbers that change, and the progress bar, which is for terminals.
func TestReadmeTranscript(t *testing.T) {
	var commands, want []string
	for _, line := range readmeBlocks(t, "console") {
		if command, ok := strings.CutPrefix(line, "/ # "); ok {
			commands = append(commands, command)
		} else if !strings.HasPrefix(line, "$ ") && !strings.HasPrefix(line, "layer ") {
			want = append(want, line)
		}
	}
	mirror := newRegistry(t)
	mirror.push(t, "library/alpine:latest", helloAlpine(t))
	harness.Only(t, "06-full-runtime", func(t *testing.T, c *harness.Case) {
		cmd := c.Command()
		cmd.Flags = []string{"--mirror=" + mirror.host}
		cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
		r := cmd.Run().Want(0)
		said := r.Stderr + r.Stdout
		for _, line := range want {
			pattern := regexp.QuoteMeta(line)
			pattern = regexp.MustCompile(`/tmp/container-go-[0-9]+`).ReplaceAllString(pattern, `\S+/container-go-[0-9]+`)
			if !regexp.MustCompile("(?m)^" + pattern + "$").MatchString(said) {
				t.Errorf("the README shows a line that is not said:\n%s\n%s", line, r)
			}
		}
	}, harness.User)
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
