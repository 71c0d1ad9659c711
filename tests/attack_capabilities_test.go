package tests

import (
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// podmansCapabilities is what /proc/PID/status shows of podman's default set.
const podmansCapabilities = "00000000800405fb"

// Root in the container has few capabilities, and nobody else has any. So root cannot
// mount, nor rename the container, unless --cap-add says so.
func TestAttackCapabilities(t *testing.T) {
	const none = "0000000000000000"
	sets := func(inheritable, permitted, bounding string) string {
		return "CapInh:\t" + inheritable + "\nCapPrm:\t" + permitted + "\nCapEff:\t" + permitted + "\nCapBnd:\t" + bounding + "\nCapAmb:\t" + none
	}
	const attack = "grep ^Cap /proc/self/status; mount -t tmpfs none /tmp 2>/dev/null && echo mounted; hostname other 2>/dev/null && echo renamed; true"
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct {
			flags []string
			want  string
		}{
			{nil, sets(none, podmansCapabilities, podmansCapabilities)},
			{[]string{"--init"}, sets(none, podmansCapabilities, podmansCapabilities)},
			{[]string{"--cap-drop=ALL"}, sets(none, none, none)},
			{[]string{"--cap-drop=all", "--cap-add=CAP_kill"}, sets(none, "0000000000000020", "0000000000000020")},
		} {
			if got := with(c, test.flags, "sh", "-c", attack).Run().Output(); got != test.want {
				t.Errorf("with %q the attack should find\n%s\nand nothing else. It found\n%s", test.flags, test.want, got)
			}
		}
		// Without the wall, the attack succeeds.
		got := with(c, []string{"--cap-add=SYS_ADMIN"}, "sh", "-c", attack).Run().Output()
		if !strings.HasSuffix(got, "mounted\nrenamed") {
			t.Errorf("with --cap-add=SYS_ADMIN root should be able to mount, and to rename the container:\n%s", got)
		}
		r := with(c, []string{"--cap-add=NET_RAWW"}, "true").Run().Want(125)
		if !strings.Contains(r.Stderr, "NET_RAWW") {
			t.Errorf("the error should name the unknown capability\n%s", r)
		}
	})
}

// Another user than root has none, in whatever way it becomes one.
func TestAttackCapabilitiesOfUsers(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		got := with(c, []string{"--user=1000"}, "grep", "-E", "^Cap(Prm|Eff)", "/proc/self/status").Run().Output()
		if got != "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000" {
			t.Errorf("user 1000 has capabilities:\n%s", got)
		}
	}, harness.Root, harness.RootUserNS, harness.UserSubIDs)
}
