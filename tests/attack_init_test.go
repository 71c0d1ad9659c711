package tests

import (
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// With --init, PID 1 is our program for as long as the container runs. A process that may
// trace PID 1 (ptrace(2)) can have it make any system call. So each of PID 1's threads
// must be as confined as the command, or the attack gets around the seccomp filter.
func TestAttackInit(t *testing.T) {
	const script = `for thread in /proc/1/task/*/status /proc/self/status; do
			echo $(grep -E '^(Cap|Seccomp:|Uid:|Gid:|Groups:)' $thread)
		done`
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, flags := range [][]string{{"--init"}, {"--init", "--user=0", "--cap-add=SYS_PTRACE"}} {
			lines := strings.Split(strings.TrimSpace(with(c, flags, "sh", "-c", script).Run().Output()), "\n")
			command := lines[len(lines)-1]
			if !strings.Contains(command, "Seccomp: 2") {
				t.Fatalf("with %q the command has no seccomp filter: %s", flags, command)
			}
			for _, thread := range lines[:len(lines)-1] {
				if thread != command {
					t.Errorf("with %q a thread of PID 1 is less confined than the command:\n%s\ninstead of\n%s", flags, thread, command)
				}
			}
		}
	})
}
