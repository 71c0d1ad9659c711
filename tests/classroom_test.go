package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/tests/harness"
)

// The instructor's page says what to type. Its lines that run the lessons and the
// doctor succeed, with an image and a mirror of ours in place of the room's.
func TestClassroomCommands(t *testing.T) {
	if harness.Graded() || harness.Prebuilt() {
		t.Skip("these are lines that run the lessons with go run")
	}
	img, err := mutate.Config(roomImage(t), v1.Config{Cmd: []string{"/bin/sh"}})
	if err != nil {
		t.Fatal(err)
	}
	layout := writeLayout(t, filepath.Join(t.TempDir(), "alpine"), "latest", img)
	mirror := newRegistry(t)
	mirror.push(t, "library/alpine:latest", img)
	ours := strings.NewReplacer("oci:/srv/lab/images/alpine", "oci:"+layout, "cat /etc/os-release", "cat /etc/room")

	page, err := os.ReadFile(filepath.Join(harness.Workspace(t), "tests/classroom/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := os.MkdirTemp("", "store-under-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unpack.RemoveAll(store) })
	ran := 0
	inside := false
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			inside = line == "```sh"
		}
		if !inside || !strings.Contains(line, "go run ") || strings.Contains(line, "-exec sudo") {
			continue
		}
		ran++
		t.Run(line, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", ours.Replace(line))
			cmd.Dir = harness.Workspace(t)
			cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "CONTAINER_GO_MIRROR="+mirror.host, "CONTAINER_GO_STORE="+store)
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("the page's command fails: %v\n$ %s\n%s", err, line, output)
			}
		})
	}
	if ran < 6 {
		t.Errorf("the page has only %d lines that run something", ran)
	}
}
