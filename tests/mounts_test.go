package tests

import (
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// /mnt is a tmpfs with a file in it, inside. The program itself looks whether the
// host can see it. Lesson 6 leaves /mnt as the image has it.
func TestMountsTmpfs(t *testing.T) {
	harness.FromTo(t, "02-mount", "04-chroot", func(t *testing.T, c *harness.Case) {
		cmd := c.Command("sh", "-c", "cat /mnt/hello && cat /proc/mounts")
		cmd.Hint = "after mount(2) of a tmpfs on /mnt, the program should make the file hello there"
		r := cmd.Run().Want(0)
		if !strings.Contains(r.Stdout, " /mnt tmpfs ") {
			t.Errorf("inside, /mnt is not a tmpfs: mount(2) was not asked for one\n%s", r)
		}
		if !strings.Contains(r.Stderr, "no /mnt/hello") {
			t.Errorf("afterwards the program should look whether the host has /mnt/hello and say that it has no such file\n%s", r)
		}
	})
}

// While the command runs the host's mount tree is what it was. That it is so
// afterwards is checked after every test.
func TestMountsPrivate(t *testing.T) {
	harness.From(t, "02-mount", func(t *testing.T, c *harness.Case) {
		before := c.HostMounts()
		p, release := mountInside(c).StartHeld()
		p.Await("ready")
		if now := c.HostMounts(); now != before {
			t.Errorf("while the command ran, the host had other mounts than before, among them\n%s\nthe program has no mount namespace of its own (CLONE_NEWNS)", firstNew(now, before))
		}
		release()
		p.Wait().Want(0)
	})
}

// The same where the host's mount tree is shared.
func TestMountsShared(t *testing.T) {
	harness.From(t, "02-mount", func(t *testing.T, c *harness.Case) {
		tree := c.SharedTree()
		cmd := mountInside(c)
		cmd.Hint += "\nif pivot_root(2) is an invalid argument, or the host shows the container's mounts, the tree is still shared (MS_PRIVATE)"
		tree.Enter(cmd)
		p, release := cmd.StartHeld()
		p.Await("ready")
		tree.Unchanged(t, "while the command runs")
		if tree.Exists("/mnt/hello") {
			t.Error("while the command runs, the host can see /mnt/hello")
		}
		release()
		r := p.Wait().Want(0)
		tree.Unchanged(t, "after the command has run")
		if c.Lesson.MountsTmpfs && !strings.Contains(r.Stderr, "no /mnt/hello") {
			t.Errorf("afterwards the program should say that the host has no /mnt/hello\n%s", r)
		}
	})
}

// firstNew is the first line that was not there before.
func firstNew(now, before string) string {
	for line := range strings.Lines(now) {
		if line = strings.TrimSpace(line); !strings.Contains(before, line) {
			return line
		}
	}
	return "none that is new"
}

// mountInside mounts something in the container, where that is allowed, and waits.
func mountInside(c *harness.Case) *harness.Command {
	cmd := c.Command("sh", "-c", "mount -t tmpfs inside /mnt 2>/dev/null; echo ready; read line")
	cmd.Hint = "if mount(2) is not permitted, it was called in the host's mount namespace and not in one of its own (CLONE_NEWNS)"
	return cmd
}
