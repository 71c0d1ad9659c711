package tests

import (
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// The container cannot read where its files are on the host: neither in its mount
// table, nor in what PID 1 was started with.
func TestAttackHostPaths(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		shown := c.Run("sh", "-c", "cat /proc/self/mountinfo /proc/1/cmdline /proc/1/environ").Output()
		if !strings.Contains(shown, " /etc/hosts ") || !strings.Contains(shown, "HOSTNAME=") {
			t.Errorf("the mount table and PID 1's environment should be shown:\n%s", shown)
		}
		for line := range strings.Lines(shown) {
			if strings.Contains(line, c.Store()) || strings.Contains(line, "containers/") {
				t.Errorf("the container can read a path of the host: %s", line)
			}
		}
	})
}
