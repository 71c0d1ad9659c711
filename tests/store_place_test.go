package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/tests/harness"
)

// A store may be anywhere: its path is bytes, some of which mean something to mount(2),
// to JSON or to a shell.
func TestStorePath(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		parent := c.NewStore()
		for _, name := range []string{"not \xff\xfe UTF-8", "a b:c,d\\e\nf'g\"h$i=j", "./here/../relative/"} {
			run := func(flags ...string) *harness.Result {
				cmd := with(c, append([]string{"--store=" + name}, flags...))
				cmd.Dir = parent
				if len(flags) == 0 {
					cmd.Args = []string{"echo", "runs"}
				}
				return cmd.Run().Want(0)
			}
			if got := run().Output(); got != "runs" {
				t.Errorf("with the store in %q the command printed %q", name, got)
			}
			if r := run("--images"); !strings.Contains(r.Stdout, "lab ") {
				t.Errorf("the store in %q should list lab\n%s", name, r)
			}
			if r := run("--prune=all"); !strings.Contains(r.Stderr, "removed 1 layer") {
				t.Errorf("from the store in %q one layer should be removed\n%s", name, r)
			}
		}
	})
}

// A container whose store is removed goes on with what it has open, and the command's
// status is the run's. The next run makes the store anew.
func TestStoreRemoved(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := filepath.Join(c.NewStore(), "store")
		flags := []string{"--store=" + store}
		p, release := with(c, flags, "sh", "-c", "echo up; read line; exit 3").StartHeld()
		p.Await("up")
		if err := unpack.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
		release()
		p.Wait().Want(3)
		with(c, flags, "true").Run().Want(0)
	})
}

// On a full disk, --prune makes room, whether it is blocks or inodes that are used up.
func TestStoreFull(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, what := range []string{"blocks", "inodes"} {
			store := c.NewStore()
			if err := unix.Mount("full", store, "tmpfs", 0, "size=64m,nr_inodes=4000"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Unmount(store, unix.MNT_DETACH) })
			c.Identity.Give(t, store)
			flags := []string{"--store=" + store}
			with(c, flags, "true").Run().Want(0)
			if what == "blocks" {
				_ = os.WriteFile(store+"/fill", make([]byte, 65<<20), 0o600)
			} else {
				for i := 0; os.Mkdir(filepath.Join(store, strings.Repeat("x", i%200+1)+string(rune('a'+i/200))), 0o700) == nil; i++ {
				}
			}
			if r := with(c, flags, "true").Run(); r.Status == 0 || !strings.Contains(r.Stderr, store) || !strings.Contains(r.Stderr, "no space left") {
				t.Errorf("with no %s left the error should name a file in the store\n%s", what, r)
			}
			if r := with(c, append(flags, "--prune=all")).Run(); r.Status != 0 || !strings.Contains(r.Stderr, "removed 1 layer") {
				t.Errorf("with no %s left, --prune=all should remove the layer\n%s", what, r)
			}
		}
	}, harness.Root, harness.RootUserNS)
}
