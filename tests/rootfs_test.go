package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// "/" is the directory of --rootfs.
func TestRootfs(t *testing.T) {
	harness.Only(t, "04-chroot", func(t *testing.T, c *harness.Case) {
		rootfs := makeRootfs(t, c)
		writeFile(t, rootfs+"/marker", "it is me\n")
		cmd := c.Command("cat", "/marker")
		cmd.Flags = append(cmd.Flags, "--rootfs", rootfs)
		if r := cmd.Run(); r.Stdout != "it is me\n" {
			t.Errorf("inside, / is not %s: the program did not call chroot(2)\n%s", rootfs, r)
		}
		if exists(rootfs + "/mnt/hello") {
			t.Errorf("the host can see %s/mnt/hello: the mount tree is not private", rootfs)
		}
	})
}

// The command writes into that directory and nowhere else.
func TestRootfsWrite(t *testing.T) {
	harness.Only(t, "04-chroot", func(t *testing.T, c *harness.Case) {
		rootfs := makeRootfs(t, c)
		cmd := c.Command("sh", "-c", "echo written >/file")
		cmd.Flags = append(cmd.Flags, "--rootfs", rootfs)
		cmd.Run().Want(0)
		if got, err := os.ReadFile(rootfs + "/file"); string(got) != "written\n" {
			t.Errorf("the command wrote /file, and %s/file has %q (%v)", rootfs, got, err)
		}
	})
}

// The host's files are out of reach: by their absolute path, by going up, and
// through the working directory that the program was started in.
func TestRootfsHidesHost(t *testing.T) {
	harness.From(t, "04-chroot", func(t *testing.T, c *harness.Case) {
		host := c.Dir()
		writeFile(t, host+"/secret", "the host's secret\n")
		cmd := c.Command("sh", "-c", `pwd; cat "$1/secret" "../../../../../../../..$1/secret" secret /proc/1/cwd/secret "/proc/1/root$1/secret"; true`, "sh", host)
		cmd.Dir = host
		if c.Lesson.Name == "04-chroot" {
			// The root filesystem that it builds by itself is TestRootfsIsAnother's.
			cmd.Flags = append(cmd.Flags, "--rootfs", makeRootfs(t, c))
		}
		r := cmd.Run().Want(0)
		if strings.Contains(r.Stdout, "secret") {
			t.Errorf("inside, a file of the host can be read: the root was not changed (chroot(2), pivot_root(2)), or the working directory is still outside of it (chdir(2))\n%s", r)
		}
		if !strings.HasPrefix(r.Stdout, "/\n") {
			t.Errorf("inside, the working directory is not /: after chroot(2) it takes a chdir(2)\n%s", r)
		}
	})
}

// It is not the host's own root either.
func TestRootfsIsAnother(t *testing.T) {
	harness.From(t, "04-chroot", func(t *testing.T, c *harness.Case) {
		r := c.Run("sh", "-c", "ls / && cat /etc/os-release").Want(0)
		if !strings.Contains(r.Stdout, "container-go lab") {
			t.Errorf("inside, /etc/os-release is not the root filesystem's own\n%s", r)
		}
	})
}

func TestRootfsErrors(t *testing.T) {
	harness.Only(t, "04-chroot", func(t *testing.T, c *harness.Case) {
		empty := c.Dir()
		file := filepath.Join(c.Dir(), "file")
		writeFile(t, file, "")
		for _, dir := range []string{empty, empty + "/missing", file} {
			cmd := c.Command("true")
			cmd.Flags = append(cmd.Flags, "--rootfs", dir)
			r := cmd.Run()
			if r.Status == 0 || r.Stdout != "" || !strings.Contains(r.Stderr, dir) || !strings.Contains(r.Stderr, "not a root filesystem") {
				t.Errorf("--rootfs %s should be an error that names it and says that it is not a root filesystem\n%s", dir, r)
			}
			noTrace(t, r)
		}
		if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
			t.Errorf("the program made %v in a directory that is not a root filesystem (%v)", left, err)
		}
	})
}
