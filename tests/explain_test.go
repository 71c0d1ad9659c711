package tests

import (
	"regexp"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// --explain tells the system calls, in their order, and which namespaces are the
// container's own. Without it nothing of that is said.
func TestExplain(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := with(c, []string{"--explain", "-h", "box", "--network=none", "-w", "/tmp"}, "readlink", "/proc/self/ns/uts").Run().Want(0)
		at := 0
		for _, step := range []string{
			`parent \| clone .*CLONE_NEWUTS\|CLONE_NEWNS\|CLONE_NEWPID\|CLONE_NEWIPC\|CLONE_NEWCGROUP\|CLONE_NEWNET`,
			`PID 1 \| mount --make-rprivate /`,
			`PID 1 \| sethostname box`,
			`PID 1 \| fsmount proc -o nosuid,noexec,nodev`,
			`PID 1 \| mount overlay on .* -o lowerdir=`,
			`PID 1 \| pivot_root \. \.`,
			`PID 1 \| umount2 \. MNT_DETACH`,
			`PID 1 \| move_mount proc /proc`,
			`PID 1 \| ioctl SIOCSIFFLAGS lo IFF_UP`,
			`PID 1 \| execve /\S+ \["readlink" "/proc/self/ns/uts"\]`,
		} {
			found := regexp.MustCompile("(?m)^" + strings.Replace(step, ` \| `, ` +[0-9.]+ ms \| `, 1)).FindStringIndex(r.Stderr[at:])
			if found == nil {
				t.Fatalf("--explain does not tell, in its place, the step %s\n%s", step, r)
			}
			at += found[1]
		}
		uts := strings.Trim(strings.TrimPrefix(strings.TrimSpace(r.Stdout), "uts:"), "[]")
		table := map[string][]string{}
		for _, row := range regexp.MustCompile(`(?m)^PID 1  +[0-9.]+ ms \| (\w+) +(\d+) +(\d+)  (isolated|shared)$`).FindAllStringSubmatch(r.Stderr, -1) {
			table[row[1]] = row[2:]
		}
		if row := table["uts"]; len(row) != 3 || row[1] != uts || row[2] != "isolated" {
			t.Errorf("the table's line on the UTS namespace, %v, should have the inode %s that the command has\n%s", row, uts, r)
		}
		userNS := map[bool]string{true: "shared", false: "isolated"}[c.Identity.Name == harness.Root]
		if row := table["user"]; len(row) != 3 || row[2] != userNS {
			t.Errorf("the table's line on the user namespace, %v, should end with %s\n%s", row, userNS, r)
		}
		if len(table) != 7 {
			t.Errorf("the table of namespaces should have 7 lines, not %d\n%s", len(table), r)
		}
		if r := c.Run("true").Want(0); strings.Contains(r.Stderr, " | ") {
			t.Errorf("without --explain, the steps are told all the same\n%s", r)
		}
	})
}

// A step that fails is told as an error, by the same words.
func TestExplainFailure(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, flags := range [][]string{nil, {"--explain"}} {
			r := with(c, append(flags, "--tmpfs=/x:unheard-of"), "true").Run().Want(125)
			if n := strings.Count(r.Stderr, "fsmount tmpfs -o nosuid,noexec,nodev,mode=1777,unheard-of"); n != 1+len(flags) {
				t.Errorf("with %q the failing fsmount(2) should be named, once as an error and once as a step\n%s", flags, r)
			}
		}
	}, harness.Root, harness.User)
}

// At a terminal, the lines do not run into what the container shows.
func TestExplainTerminal(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		term := with(c, []string{"--explain"}, "echo", "done").AtTerminal()
		term.Wait().Want(0)
		for line := range strings.Lines(term.Stdout.String()) {
			if strings.Contains(line, " | ") && !strings.HasSuffix(line, "\r\n") {
				t.Fatalf("at a terminal in raw mode a line should end with \\r\\n: %q", line)
			}
		}
	}, harness.Root)
}
