package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// TestTextsMeasured compares the front page's figures with the benchmark's last output,
// which tests/bench/RESULTS.md keeps as it was printed.
func TestTextsMeasured(t *testing.T) {
	read := func(path string) string {
		content, err := os.ReadFile(filepath.Join(harness.Workspace(t), path))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	summary, _, found := strings.Cut(read("tests/bench/RESULTS.md"), "\n### ")
	if !found || !strings.Contains(summary, "| starts ") || !strings.Contains(summary, "| pulls ") {
		t.Fatal("tests/bench/RESULTS.md does not begin with the short tables that `go run ./tests/bench` prints")
	}
	front := read("README.md")
	for _, line := range strings.Split(summary, "\n") {
		if !strings.Contains(front, line) {
			t.Errorf("README.md shows other figures than tests/bench/RESULTS.md, or none. It lacks this line:\n%s", line)
		}
	}
}
