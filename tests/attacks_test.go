package tests

import (
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// Lesson 4's program that walks out of a chroot(2) does so, and that is the
// reason for lesson 6's pivot_root(2), which it cannot undo.

func TestAttackEscapesChroot(t *testing.T) {
	harness.Only(t, "04-chroot", func(t *testing.T, c *harness.Case) {
		rootfs, secret := makeRootfs(t, c), hostSecret(t, c)
		copyFile(t, harness.Build(t, "04-chroot/escape", "CGO_ENABLED=0"), rootfs+"/escape")
		cmd := c.Command("/escape", "cat", secret)
		cmd.Flags = append(cmd.Flags, "--rootfs", rootfs)
		if r := cmd.Run(); r.Stdout != "the host's secret\n" {
			t.Errorf("the escape from lesson 4's chroot did not work\n%s", r)
		}
	})
}

func TestAttackEscapesPivotRootNot(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		secret := hostSecret(t, c)
		program, err := os.ReadFile(harness.Build(t, "04-chroot/escape", "CGO_ENABLED=0"))
		if err != nil {
			t.Fatal(err)
		}
		ref := labWith(t, c, v1.Config{}, executable("escape", string(program)))
		if r := fromImage(c, ref, "/escape", "cat", secret).Run(); r.Status == 0 || strings.Contains(r.Stdout, "secret") {
			t.Errorf("the container can read the host's files: after pivot_root(2) the old root must be unmounted, or there was only a chroot(2)\n%s", r)
		}
	})
}

// What an image has in the place of the container's mounts and directories may be
// a symlink to anywhere. Nothing may be mounted, made or changed where it points.
func TestAttackSymlinks(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for i, name := range []string{"proc", "dev", "dev/pts", "dev/shm", "dev/null", "dev/mqueue", "sys", "work", "etc", "etc/passwd"} {
			victim := c.Dir()
			writeFile(t, victim+"/file", "untouched\n")
			before := strings.Join(tree(victim), "\n")
			target := victim
			if i%2 == 1 {
				target = "../../../../../../../../../.." + victim
			}
			attack := "the image has a symlink /" + name + " -> " + target
			ref := labWith(t, c, v1.Config{WorkingDir: "/work/sub"}, symlink(name, target))
			r := fromImage(c, ref, "sh", "-c", "echo ran >file; cat /"+name+"/file 2>/dev/null; true").Run()
			if after := strings.Join(tree(victim), "\n"); after != before {
				t.Errorf("%s; on the host there are now\n%s\n%s", attack, after, r)
			}
			if content, err := os.ReadFile(victim + "/file"); string(content) != "untouched\n" {
				t.Errorf("%s; the host's file has changed: %q, %v\n%s", attack, content, err, r)
			}
			if strings.Contains(r.Stdout, "untouched") {
				t.Errorf("%s, by which the container reads the host's file\n%s", attack, r)
			}
			if r.Status != 0 && (r.Status != 125 || !strings.Contains(r.Stderr, "container: ")) {
				t.Errorf("%s: either it works or it is an error of the runtime's\n%s", attack, r)
			}
			noTrace(t, r)
		}
	}, harness.Root)
}

func hostSecret(t *testing.T, c *harness.Case) string {
	t.Helper()
	path := c.Dir() + "/secret"
	writeFile(t, path, "the host's secret\n")
	return path
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
