package tests

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// Few programs need the system calls that Docker's seccomp profile refuses, and many
// exploits of the kernel do. The filter refuses root in the container, a user, and the
// command of --init, and i386's programs beside those of the machine itself.
func TestAttackSystemCalls(t *testing.T) {
	programs := []string{harness.Build(t, "tests/calls", "CGO_ENABLED=0")}
	if runtime.GOARCH == "amd64" && !harness.Prebuilt() {
		programs = append(programs, harness.Build(t, "tests/calls", "CGO_ENABLED=0", "GOARCH=386"))
	}
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, program := range programs {
			run := func(flags ...string) map[string]string {
				flags = append(flags, "-v", filepath.Dir(program)+":/calls:ro")
				return saidOf(with(c, flags, "/calls/calls").Run().Output())
			}
			open := run("--security-opt=seccomp=unconfined")
			for _, call := range []string{"clone of a user namespace", "unshare", "keyctl", "add_key", "open_tree", "pidfd_getfd", "move_pages", "personality"} {
				if open[call] != "ok" {
					t.Errorf("the attack proves nothing: without the filter %s should work, and not be %q", call, open[call])
				}
			}
			for _, flags := range [][]string{nil, {"--init"}} {
				for call, answer := range run(flags...) {
					want := "operation not permitted"
					switch call {
					case "socket AF_INET", "chroot":
						want = "ok"
					case "clone3", "open_tree_attr": // programs fall back to another call
						want = "function not implemented"
					}
					if answer != want {
						t.Errorf("with %q, the container's %s should be %q, and is %q; without the filter %q", flags, call, want, answer, open[call])
					}
				}
			}
			// The profile allows some calls together with the capability for them.
			if admin := run("--cap-add=SYS_ADMIN"); admin["open_tree"] != "ok" || admin["keyctl"] == "ok" {
				t.Errorf("with --cap-add=SYS_ADMIN open_tree should be ok and keyctl refused: %v", admin)
			}
			if bare := run("--cap-drop=SYS_CHROOT"); bare["chroot"] != "operation not permitted" {
				t.Errorf("with --cap-drop=SYS_CHROOT, chroot is %q", bare["chroot"])
			}
		}
	})
}

// saidOf reads what tests/calls prints.
func saidOf(output string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(output) {
		call, answer, _ := strings.Cut(strings.TrimSpace(line), ": ")
		found[call] = answer
	}
	return found
}

// A user has no capabilities, and is filtered all the same, although loading a filter
// needs one. What it starts is not bound by no_new_privs.
func TestAttackSystemCallsOfUsers(t *testing.T) {
	const script = "grep -E '^(Seccomp|NoNewPrivs|CapPrm):' /proc/self/status"
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		got := with(c, []string{"--user=1000"}, "sh", "-c", script).Run().Output()
		if want := "CapPrm:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2"; got != want {
			t.Errorf("a user's status should be\n%s\nand is\n%s", want, got)
		}
		got = with(c, []string{"--user=1000", "--security-opt=seccomp=unconfined"}, "sh", "-c", script).Run().Output()
		if want := "CapPrm:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0"; got != want {
			t.Errorf("without the filter a user's status should be\n%s\nand is\n%s", want, got)
		}
	}, harness.Root, harness.RootUserNS, harness.UserSubIDs)
}
