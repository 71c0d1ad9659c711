package tests

import (
	"fmt"
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

// While PID 1 sets up the container it has directories of the host open. No path of
// an image, or of a flag, may lead there by way of /proc/self/fd (CVE-2024-21626).
func TestAttackOpenFiles(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		secret := hostSecret(t, c)
		made := c.Dir() + "/made"
		up := strings.Repeat("/..", 20)
		for fd := 3; fd < 16; fd++ {
			outside := fmt.Sprintf("/proc/self/fd/%d%s", fd, up)
			r := with(c, []string{"-w", outside}, "cat", "."+secret).Run()
			if strings.Contains(r.Stdout, "the host's secret") {
				t.Fatalf("by the working directory %s the container reads the host's files\n%s", outside, r)
			}
			ref := labWith(t, c, v1.Config{}, symlink("etc/hosts", outside+made))
			r = fromImage(c, ref, "true").Run()
			if exists(made) {
				t.Fatalf("the image's symlink /etc/hosts -> %s%s made a file on the host\n%s", outside, made, r)
			}
		}
	}, harness.Root, harness.User)
}

// With --init, PID 1 is a program of ours for as long as the container runs, and every
// process inside can reach what it has open. It has just forked, and may need a moment
// to close what only its child uses.
func TestAttackInitFiles(t *testing.T) {
	const script = `
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	open=
	for f in /proc/1/fd/*; do
		link=$(readlink $f)
		case ${f##*/}:$link in
		[012]:* | *:anon_inode:\[event*) ;;
		*) open="$open ${f##*/}=$link" ;;
		esac
	done
	[ -n "$open" ] || break
	sleep 0.02
done
echo "open:$open"`
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, flags := range [][]string{{"--init"}, {"--init", "--explain"}, {"--init", "-it"}} {
			// With the default capabilities, no process can look into PID 1 at all.
			if open := with(c, append(flags, "--cap-add=ALL"), "sh", "-c", script).Run().Output(); open != "open:" {
				t.Errorf("with %q PID 1 has descriptors open that it does not need: %s", flags, open)
			}
		}
	})
}
