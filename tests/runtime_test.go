package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/container-go/tests/harness"
)

const runtime6 = "06-full-runtime"

// Each kind of namespace is the container's own, as its inode shows, but for the
// network, which is the host's.
func TestRuntimeNamespaces(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		cmd := c.Command("sh", "-c", "for n in uts mnt pid ipc cgroup user net; do readlink /proc/self/ns/$n; done")
		cmd.Hint = "if a mount is not permitted, it belongs to a namespace that clone(2) was not asked for: mqueue to CLONE_NEWIPC, proc to CLONE_NEWPID"
		r := cmd.Run().Want(0)
		inside := map[string]string{}
		for line := range strings.Lines(r.Stdout) {
			kind, _, _ := strings.Cut(line, ":")
			inside[kind] = strings.TrimSpace(line)
		}
		for _, kind := range []string{"uts", "mnt", "pid", "ipc", "cgroup", "user", "net"} {
			host, err := os.Readlink("/proc/self/ns/" + kind)
			if err != nil {
				t.Fatal(err)
			}
			own := kind != "net" && (kind != "user" || c.Identity.Name != harness.Root)
			switch {
			case inside[kind] == "":
				t.Errorf("inside, /proc/self/ns/%s cannot be read", kind)
			case own && inside[kind] == host:
				t.Errorf("the container is in the host's %s namespace: clone(2) was not asked for one (CLONE_NEW%s)", kind, map[string]string{"mnt": "NS"}[kind]+strings.ToUpper(strings.TrimPrefix(kind, "mnt")))
			case !own && inside[kind] != host:
				t.Errorf("the container is not in the host's %s namespace, %s but in %s", kind, host, inside[kind])
			}
		}
	})
}

// What a reader of the tutorial expects to be told. An image that is in the store
// already is not downloaded.
func TestRuntimeSays(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		store := c.NewStore()
		for _, again := range []bool{false, true} {
			r := with(c, []string{"--store=" + store}, "true").Run().Want(0)
			if got := strings.Contains(r.Stderr, "Downloading and unpacking lab to "+store); got == again {
				t.Errorf("stderr should have the line \"Downloading and unpacking lab to %s…\" once, the first time\n%s", store, r)
			}
			if !strings.Contains(r.Stderr, "Using clone approach for namespace creation\n") {
				t.Errorf("stderr should have the line \"Using clone approach for namespace creation\"\n%s", r)
			}
			if told := strings.Contains(r.Stderr, "--userns"); told != c.Identity.IsUser() {
				t.Errorf("who is not root should be told of --userns, and nobody else\n%s", r)
			}
			if told := strings.Count(r.Stderr, "no user but root"); told > 1 || told == 1 && c.Identity.Name != harness.User {
				t.Errorf("who has no subordinate ids should be told, once, and nobody else\n%s", r)
			}
		}
	})
}

func TestRuntimeHostnameFlag(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, flags := range [][]string{{"--hostname=box"}, {"-h", "box"}} {
			cmd := c.Command("hostname")
			cmd.Flags = append(cmd.Flags, flags...)
			if got := cmd.Run().Output(); got != "box" {
				t.Errorf("with %s the hostname is %q", strings.Join(flags, " "), got)
			}
		}
	}, harness.Root, harness.User)
}

// Statuses follow Docker: 125 is the runtime's failure, 126 and 127 are the
// command's.
func TestRuntimeStatus(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct {
			flags  []string
			args   []string
			status int
			says   string
		}{
			{args: []string{"no-such-command"}, status: 127, says: "no-such-command"},
			{args: []string{"/no/such/command"}, status: 127, says: "/no/such/command"},
			{args: []string{"/etc"}, status: 126, says: "/etc"},
			{args: []string{"/etc/passwd"}, status: 126, says: "/etc/passwd"},
			{args: []string{"sh", "-c", "sh -c 'kill -TERM $$'"}, status: 143},
			{flags: []string{"--no-such-flag"}, args: []string{"true"}, status: 125, says: "no-such-flag"},
			{flags: []string{"--image=oci:/no/such/layout"}, args: []string{"true"}, status: 125, says: "/no/such/layout"},
		} {
			cmd := c.Command(test.args...)
			cmd.Flags = append(cmd.Flags, test.flags...)
			r := cmd.Run()
			if r.Status != test.status || !strings.Contains(r.Stderr, test.says) {
				t.Errorf("the status should be %d, and stderr should name %q\n%s", test.status, test.says, r)
			}
			noTrace(t, r)
		}
	}, harness.Root, harness.User)
}

// No descriptor but the three comes into the container. One that is a directory
// of the host would be a way out.
func TestRuntimeDescriptors(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		host, err := os.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		defer host.Close()
		cmd := c.Command("sh", "-c", "ls /proc/1/fd; true")
		cmd.Files = []*os.File{host, host}
		if got := strings.Fields(cmd.Run().Output()); strings.Join(got, " ") != "0 1 2" {
			t.Errorf("inside, the command has the open file descriptors %q, not only 0 1 2: they were not marked close-on-exec before execve(2)", got)
		}
	})
}

// The container's message, environment and arguments are nobody else's business.
func TestRuntimeHidesArguments(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		cmd := c.Command("sh", "-c", `cat /proc/1/environ`)
		cmd.Env = []string{"HOST_SECRET=sesame"}
		if r := cmd.Run().Want(0); strings.Contains(r.Stdout, "sesame") {
			t.Errorf("the host's environment is the container's\n%s", r)
		}
	})
}

// Without a network, lab works as ever.
func TestRuntimeOffline(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		cmd := c.Command("sh", "-c", "echo $$; hostname")
		cmd.Under = c.Unshare("-n")
		if got := strings.Fields(cmd.Run().Output()); strings.Join(got, " ") != "1 shadman-lab" {
			t.Errorf("in a network namespace without a network it printed %q", got)
		}
	})
}

// A machine may forbid user namespaces. The error says what to change.
func TestRuntimeNoUserNamespaces(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		// The limit is counted in the user namespace that it is set in.
		cmd := c.Command("true")
		cmd.Under = []string{"unshare", "-r", "sh", "-c", `echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"`, "sh"}
		if !strings.Contains(strings.Join(cmd.Flags, " "), "--userns") {
			cmd.Flags = append(cmd.Flags, "--userns")
		}
		r := cmd.Run().Want(125)
		if !strings.Contains(r.Stderr, "user.max_user_namespaces") {
			t.Errorf("the error should name the sysctl user.max_user_namespaces\n%s", r)
		}
		noTrace(t, r)
	}, harness.Root, harness.User)
}

// SIGTERM and SIGINT end a command that does not handle them, although it is PID
// 1, for which the kernel ignores them (signal(7)).
func TestRuntimeSignalsEnd(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			p := c.Command("sleep", "1000").Start()
			p.AwaitCommand("sleep")
			p.Signal(sig)
			if r := p.Wait(); r.Status != 128+int(sig) {
				t.Fatalf("after %v the status should be %d: the kernel drops a signal that PID 1 has no handler for (signal(7)), and then the runtime is to send SIGKILL\n%s", sig, 128+int(sig), r)
			}
		}
	})
}

// A command that handles signals gets them, whichever.
func TestRuntimeSignalsArrive(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		var all []syscall.Signal
		for sig := syscall.SIGHUP; sig <= 64; sig++ {
			switch sig {
			case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU: // the kernel's and the terminal's
			case syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG, syscall.SIGPROF, 32, 33, 34: // the runtime's own
			default:
				all = append(all, sig)
			}
		}
		var traps strings.Builder
		for _, sig := range all {
			fmt.Fprintf(&traps, "trap 'echo got %d.' %d; ", sig, sig)
		}
		p, release := c.Command("sh", "-c", traps.String()+"echo ready; while [ ! -e /tmp/end ]; do sleep 0.01; done").StartHeld()
		p.Await("ready")
		for _, sig := range all {
			p.Signal(sig)
			p.Await(fmt.Sprintf("got %d.", sig))
		}
		release()
		p.Signal(syscall.SIGKILL)
		p.Wait()
	})
}

// The session keyring is the container's own. The host's can here be seen by whoever
// possesses it, and by nobody else (keyctl_setperm(2)).
func TestRuntimeKeyring(t *testing.T) {
	if !exists("/proc/keys") {
		t.Skip("this kernel has no keys")
	}
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		runtime.LockOSThread() // which has the keyring, and ends with this test
		ring, err := unix.KeyctlJoinSessionKeyring("the-hosts-" + strconv.Itoa(os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		const onlyPossessor = 0x3f000000
		if err := unix.KeyctlSetperm(ring, onlyPossessor); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%08x", ring)
		if host, err := os.ReadFile("/proc/keys"); err != nil || !strings.Contains(string(host), name) {
			t.Fatalf("the host's own session keyring %s is not among its keys (%v)\n%s", name, err, host)
		}
		if out := with(c, []string{"--security-opt=systempaths=unconfined"}, "cat", "/proc/keys").Run().Output(); strings.Contains(out, name) {
			t.Errorf("the container's session keyring should be its own, but it has the host's, %s, among its keys:\n%s", name, out)
		}
	})
}

// kill -9 of the runtime ends the container, and a janitor removes its files:
// that nothing is left is checked after every test.
func TestRuntimeKilled(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		p := c.Command("sh", "-c", "sleep 1000 & sleep 1001 & exec sleep 1002").Start()
		p.AwaitCommand("sleep")
		running := p.Processes()
		p.SignalGroup(syscall.SIGKILL)
		p.Wait()
		for _, pid := range running {
			gone(t, pid)
		}
	})
}

// What the command left running in the background ends with it.
func TestRuntimeBackground(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		p, release := c.Command("sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo ready; read line").StartHeld()
		p.Await("ready")
		background := p.AwaitCommand("sleep")
		release()
		p.Wait().Want(0)
		if harness.Alive(background) {
			t.Error("a process in the background has outlived PID 1: it is not in a PID namespace of the container's own")
		}
	})
}

// The store is for nobody but its user: the images in it may hold setuid programs.
func TestRuntimePrivateFiles(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		c.Run("true").Want(0)
		parts, err := filepath.Glob(c.Store() + "/*")
		if err != nil || len(parts) == 0 {
			t.Fatalf("the store holds %v, %v", parts, err)
		}
		for _, part := range parts {
			info, err := os.Stat(part)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v: other users can reach the setuid programs in it", part, info.Mode())
			}
		}
	})
}
