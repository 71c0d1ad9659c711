package tests

import (
	"os"
	"testing"

	"example.com/container-go/tests/harness"
)

// The container has a hostname of its own.
func TestHostname(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		cmd := c.Command("hostname")
		cmd.Hint = "if sethostname(2) is not permitted, it was called in the host's UTS namespace and not in a UTS namespace of its own (CLONE_NEWUTS)"
		if got := cmd.Run().Output(); got != "shadman-lab" {
			t.Errorf("inside, the hostname is %q, not shadman-lab: the program did not call sethostname(2) before it started the command", got)
		}
	})
}

// It is the host's own all the while, not only put back in the end.
func TestHostnameOfHostWhileRunning(t *testing.T) {
	harness.From(t, "01-uts", func(t *testing.T, c *harness.Case) {
		before, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		p, release := c.Command("sh", "-c", "hostname; read line").StartHeld()
		p.Await("\n")
		during, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		release()
		p.Wait().Want(0)
		if during != before {
			t.Errorf("while the command ran, the host's hostname was %q, not %q: the program has no UTS namespace of its own (CLONE_NEWUTS)", during, before)
		}
	})
}

// A hostname that the command sets is the container's. A runtime may well forbid
// it, so it is not asked of lesson 6.
func TestHostnameSetInside(t *testing.T) {
	harness.FromTo(t, "01-uts", "04-chroot", func(t *testing.T, c *harness.Case) {
		if got := c.Run("sh", "-c", "hostname other; hostname").Output(); got != "other" {
			t.Errorf("inside, root sets the hostname to other, and it is %q", got)
		}
	})
}
