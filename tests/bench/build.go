package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"example.com/container-go/tests/bench/starter"
)

// programs are the paths of the lessons' programs.
type programs struct {
	pull, runtime string // lessons 5 and 6
	other         string // another lesson 6 to compare with, or ""
}

// build builds the lessons as their READMEs do.
func (b *bench) build() (programs, error) {
	top, err := workspace()
	if err != nil {
		return programs{}, err
	}
	bin := filepath.Join(b.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return programs{}, err
	}
	p := programs{pull: filepath.Join(bin, "05-oci-pull"), runtime: filepath.Join(bin, "06-full-runtime")}
	// Git may refuse to describe a checkout that another user owns.
	cmd := starter.Command{Env: append(os.Environ(), "CGO_ENABLED=0"),
		Args: []string{"go", "-C", top, "build", "-buildvcs=false", "-o", bin, "./05-oci-pull", "./06-full-runtime"}}
	if r, err := b.once(cmd); err != nil {
		return p, fmt.Errorf("%w\n%s", err, r.Output)
	}
	// Ordinary users may not be able to reach a program where it lies.
	if b.options.program != "" {
		if err := copyProgram(b.options.program, p.runtime); err != nil {
			return p, err
		}
	}
	if b.options.other != "" {
		p.other = filepath.Join(bin, "other")
		if err := copyProgram(b.options.other, p.other); err != nil {
			return p, err
		}
	}
	for _, path := range []string{bin, p.pull, p.runtime} {
		if err := os.Chmod(path, 0o755); err != nil {
			return p, err
		}
	}
	return p, nil
}

func copyProgram(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		return err
	}
	return os.Chmod(to, 0o755)
}

// workspace is the directory of go.work.
func workspace() (string, error) {
	output, err := exec.Command("go", "env", "GOWORK").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOWORK: %w", err)
	}
	path := strings.TrimSpace(string(output))
	if path == "" || path == "off" {
		return "", fmt.Errorf("there is no go.work here: run the benchmark inside the repository")
	}
	return filepath.Dir(path), nil
}
