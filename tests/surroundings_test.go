package tests

import (
	"archive/tar"
	"os"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// under prepares a run by a shell that does something first. "$@" is the program.
func under(c *harness.Case, script string, args ...string) *harness.Command {
	cmd := c.Command(args...)
	cmd.Under = []string{"sh", "-c", script, "sh"}
	return cmd
}

// kill(0, …) means the own process group, across PID namespaces.
func TestAttackKillZero(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := under(c, `sleep 1000 & "$@"; kill $! && echo the sibling lived`, "sh", "-c", "kill -KILL 0").Run()
		if !strings.Contains(r.Stdout, "the sibling lived") {
			t.Errorf("the container killed the process group that it was started in: it needs a session of its own (setsid)\n%s", r)
		}
	})
}

// Where devices cannot be made, the host's are bound, and root in the container
// may own those. Their modes are the host's all the same.
func TestAttackDeviceMode(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		before, err := os.Stat("/dev/full")
		if err != nil {
			t.Fatal(err)
		}
		cmd := c.Command("chmod", "600", "/dev/full")
		if c.Identity.Name == harness.Root {
			cmd.Under = []string{"unshare", "-r"} // in a user namespace and yet the owner
		}
		cmd.Run()
		after, err := os.Stat("/dev/full")
		if err != nil {
			t.Fatal(err)
		}
		if after.Mode() != before.Mode() {
			_ = os.Chmod("/dev/full", before.Mode().Perm())
			t.Errorf("the container changed the mode of the host's /dev/full from %v to %v: its mount is not read-only", before.Mode(), after.Mode())
		}
	})
}

// What the command could pass on to programs with file capabilities is nothing
// (compare CVE-2022-24769): to get into its user namespace PID 1 had some.
func TestAttackInheritable(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, flags := range [][]string{nil, {"--init"}} {
			got := with(c, flags, "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status").Run().Output()
			if want := "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000"; got != want {
				t.Errorf("with %q the command's inheritable and ambient capabilities are\n%s\nwant none", flags, got)
			}
		}
	})
}

func TestRuntimeUmask(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := under(c, `umask 077; exec "$@"`, "sh", "-c", "umask; stat -c %a / /dev /dev/null 2>/dev/null || ls -ld / /dev")
		out := r.Run().Output()
		if !strings.HasPrefix(out, "0022") || strings.Contains(out, "drwx------") {
			t.Errorf("the user's umask reaches into the container: %q", out)
		}
	})
}

// Arguments are bytes, not text.
func TestRuntimeArgumentBytes(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		if got := c.Run("echo", "a\xffb").Output(); got != "a\xffb" {
			t.Errorf("the argument a\\xffb arrived as %q", got)
		}
	})
}

// A signal that we were started to ignore, as nohup(1) does, stays ignored.
func TestRuntimeIgnoredSignal(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		p, release := under(c, `trap "" HUP; exec "$@"`, "sh", "-c", "echo up; read line").StartHeld()
		p.Await("up")
		p.Signal(syscall.SIGHUP)
		release()
		p.Wait().Want(0)
	})
}

// An image's /etc/passwd may be no file at all.
func TestRuntimeOddPasswd(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		fifo := entry{tar.Header{Name: "etc/passwd", Typeflag: tar.TypeFifo, Mode: 0o644}, ""}
		if got := fromImage(c, labWith(t, c, v1.Config{}, fifo), "echo", "up").Run().Output(); got != "up" {
			t.Errorf("with a FIFO as /etc/passwd the command printed %q", got)
		}
	})
}
