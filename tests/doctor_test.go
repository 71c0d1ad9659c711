package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"example.com/container-go/tests/harness"
)

// examination is the doctor at work on a machine that the test has broken.
type examination struct {
	*harness.Command
	c    *harness.Case
	home string
}

// examine prepares a run of the doctor in a workspace of its own, whose modules
// are there, so that the answers about Go are the same everywhere.
func examine(t *testing.T, c *harness.Case) *examination {
	t.Helper()
	work, bin, home := c.Dir(), c.Dir(), c.Dir()
	writeFile(t, work+"/go.work", "go 1.26.0\n")
	fakeGo(t, bin, "go1.26.0", "true")
	cmd := c.Command()
	cmd.Dir = work
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "HOME=" + home, "HTTPS_PROXY=http://127.0.0.1:1", "CONTAINER_GO_STORE="}
	return &examination{cmd, c, home}
}

// fakeGo makes a go command that has this version, and this to say of modules.
func fakeGo(t *testing.T, dir, version, list string) {
	t.Helper()
	path := dir + "/go"
	writeFile(t, path, fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = env ]; then echo %s; else %s; fi\n", version, list))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// on has the doctor run on a machine that a shell script has made: in a mount
// namespace, and others by unshare's flags, as root, who then becomes the user
// again.
func (e *examination) on(script string, flags ...string) *examination {
	again := `exec "$@"`
	if e.c.Identity.IsUser() {
		again = `exec unshare --map-user=1000 --map-group=1000 "$@"`
	}
	e.Under = slices.Concat(e.c.Unshare("-m"), flags, []string{"sh", "-c", "set -e\n" + script + "\n" + again, "sh"})
	return e
}

// env sets variables for the doctor.
func (e *examination) env(env ...string) *examination {
	e.Env = append(e.Env, env...)
	return e
}

// leavesNothing demands that where images would be stored there is nothing of the
// doctor's. Where else it could be, the harness looks.
func (e *examination) leavesNothing(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"/var/lib", "/var/lib/container-go", e.home} {
		if left, _ := filepath.Glob(dir + "/.container-go-doctor-*"); len(left) > 0 {
			t.Errorf("the doctor left %v", left)
		}
	}
}

// answers is what the doctor said, by what it asked.
type answers struct {
	*harness.Result
	t *testing.T
}

func (e *examination) ask(t *testing.T) answers {
	t.Helper()
	return answers{e.Run(), t}
}

// says demands a verdict and texts in the answer to a question.
func (a answers) says(question, verdict string, texts ...string) {
	a.t.Helper()
	var answer string
	var now string // whose lines these are
	for line := range strings.Lines(a.Stdout) {
		if len(line) > 29 && strings.TrimSpace(line[:29]) != "" {
			now = strings.TrimSpace(line[10:29])
		}
		if now == question {
			answer += line
		}
	}
	if !strings.HasPrefix(answer, verdict+" ") {
		a.t.Errorf("the doctor should call %s: %s\n%s", question, verdict, a)
		return
	}
	if wants := []string{"affects", "mend"}; verdict == "MISSING" || verdict == "limited" {
		texts = slices.Concat(texts, wants)
	}
	for _, text := range texts {
		if !strings.Contains(answer, text) {
			a.t.Errorf("what the doctor says of %s should have %q in it\n%s", question, text, a)
		}
	}
}

// kinds are the namespaces that an ordinary user has in a user namespace.
var kinds = []string{"mount", "uts", "pid", "ipc", "cgroup", "net"}

// The machine that these tests run on can do what they do. This is what all the
// other tests of the doctor are to be compared with.
func TestDoctorHealthy(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		e := examine(t, c)
		a := e.ask(t)
		a.Want(0)
		for _, question := range []string{"kernel", "user namespace", "unshare", "lab image", "program in memory", "go", "go modules"} {
			a.says(question, "fine")
		}
		// Before Linux 6.6 an ordinary user's overlay does not go on a tmpfs.
		var st unix.Statfs_t
		if err := unix.Statfs(e.home, &st); err != nil {
			t.Fatal(err)
		}
		if !c.Identity.IsUser() || st.Type != unix.TMPFS_MAGIC {
			a.says("overlay", "fine")
		}
		for _, kind := range kinds {
			a.says(kind+" namespace", "fine")
		}
		who := map[bool]string{true: "an ordinary user", false: "root"}[c.Identity.IsUser()]
		if !strings.HasPrefix(a.Stdout, "This speaks as "+who) {
			t.Errorf("it should say first that it speaks as %s\n%s", who, a)
		}
		e.leavesNothing(t)
	})
}

func TestDoctorNoUserNamespaces(t *testing.T) {
	for what, script := range map[string]string{
		// The settings are those of the user namespace that a process is in, and the
		// limit holds for all below it.
		"forbidden": `exec unshare --map-user=1000 --map-group=1000 --keep-caps sh -c '
			echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all "$@"' sh "$@"`,
		"forbidden further up": `exec unshare -r sh -c '
			echo 1 >/proc/sys/user/max_user_namespaces && exec unshare --map-user=1000 --map-group=1000 "$@"' sh "$@"`,
	} {
		t.Run(what, func(t *testing.T) {
			harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
				e := examine(t, c)
				e.Under = []string{"sh", "-c", script, "sh"}
				a := e.ask(t)
				a.Want(1)
				a.says("user namespace", "MISSING", "lesson 6", "user.max_user_namespaces=10000")
				for _, question := range kinds {
					a.says(question+" namespace", "not tried")
				}
				a.says("unshare", "not tried")
				if what == "forbidden" {
					a.says("rules", "limited", "user.max_user_namespaces=0")
				}
			}, harness.User)
		})
	}
}

// One kind alone is forbidden.
func TestDoctorNoPIDNamespaces(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		e := examine(t, c)
		e.Under = []string{"sh", "-c", `exec unshare --map-user=1000 --map-group=1000 --keep-caps sh -c '
			echo 0 >/proc/sys/user/max_pid_namespaces && exec setpriv --ambient-caps=-all "$@"' sh "$@"`, "sh"}
		a := e.ask(t)
		a.Want(1)
		a.says("pid namespace", "MISSING", "lessons 3, 4 and 6", "sysctl user.max_pid_namespaces=10000")
		a.says("user namespace", "fine")
		a.says("mount namespace", "fine")
	}, harness.User)
}

// Commands are told as this user can type them.
func TestDoctorSudo(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		tools, sudo := c.Dir(), c.Dir()
		for _, dir := range filepath.SplitList(os.Getenv("PATH") + ":/usr/sbin:/sbin") {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.Name() != "sudo" && e.Name() != "unshare" && e.Name() != "apt-get" {
					_ = os.Symlink(dir+"/"+e.Name(), tools+"/"+e.Name())
				}
			}
		}
		writeScript(t, tools+"/apt-get", "\n")
		writeScript(t, sudo+"/sudo", "\n")
		const mend = "apt-get install util-linux"
		e := examine(t, c).env("PATH=" + tools)
		if !c.Identity.IsUser() {
			a := e.ask(t)
			a.says("sudo", "fine", "leave it out")
			a.says("unshare", "limited", "mend     "+mend)
			return
		}
		a := e.ask(t)
		a.says("sudo", "limited", `-exec "unshare -r"`)
		a.says("unshare", "MISSING", "mend     as root: "+mend)
		a = e.env("PATH=" + tools + ":" + sudo).ask(t)
		a.says("sudo", "fine", sudo+"/sudo")
		a.says("unshare", "MISSING", "mend     sudo "+mend)
	})
}

// As in a container, whose root has lost the capability that namespaces take.
func TestDoctorContainersRoot(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		e := examine(t, c)
		e.Under = []string{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"}
		a := e.ask(t)
		a.Want(1)
		for _, kind := range kinds[:3] {
			a.says(kind+" namespace", "MISSING", "CAP_SYS_ADMIN")
		}
	}, harness.Root)
}

// As in a container, which hides parts of /proc: the kernel then refuses another
// /proc, which would show them.
func TestDoctorHiddenProc(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		a := examine(t, c).on("mount -t tmpfs tmpfs /proc/sys").ask(t)
		a.Want(1)
		a.says("pid namespace", "MISSING", "mount proc on /proc", "--privileged")
		a.says("uts namespace", "fine")
	}, harness.User)
}

func TestDoctorCgroups(t *testing.T) {
	for what, script := range map[string]string{
		"v1":     "mount -t tmpfs tmpfs /sys/fs/cgroup",
		"hybrid": "mount -t tmpfs tmpfs /sys/fs/cgroup; mkdir /sys/fs/cgroup/unified; mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
		"v2":     "mount -t tmpfs tmpfs /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup",
	} {
		t.Run(what, func(t *testing.T) {
			harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
				// Only who is in a cgroup namespace of their own may mount a cgroup2.
				a := examine(t, c).on(script, "-C").ask(t)
				switch what {
				case "v1":
					a.says("cgroups", "limited", "--memory")
					if strings.Contains(c.HostMounts(), " - cgroup ") {
						a.says("cgroups", "limited", "v1\n", "unified_cgroup_hierarchy")
					}
				case "hybrid":
					if strings.Contains(c.HostMounts(), " - cgroup ") {
						a.says("cgroups", "limited", "v1, and a v2 beside it (hybrid): ", "unified")
					}
				case "v2":
					if strings.Contains(a.Stdout, "fine      cgroups") {
						a.says("cgroups", "fine", "v2", "made a group in /sys/fs/cgroup", "cpu, memory, pids")
					} else {
						a.says("cgroups", "limited", "v2")
					}
				}
				a.Want(0)
			})
		})
	}
}

func TestDoctorSubordinateIDs(t *testing.T) {
	needNewuidmap(t)
	const passwd = "root:x:0:0::/root:/bin/sh\nann:x:12345:12345::/:/bin/sh\n"
	for _, test := range []struct {
		what           string
		passwd         string
		subuid, subgid string
		break_         string
		verdict        string
		texts          []string
	}{
		{what: "nameless", subuid: "12345:200000:65536\n", subgid: "12345:200000:65536\n",
			verdict: "limited", texts: []string{"uid 12345 has no name"}},
		{what: "none", passwd: passwd, subuid: "bob:200000:65536\n",
			verdict: "limited", texts: []string{"/etc/subuid gives ann none; /etc/subgid gives ann none", "usermod --add-subuids 265536-331071 --add-subgids 265536-331071 ann"}},
		{what: "no groups", passwd: passwd, subuid: "ann:200000:65536\n",
			verdict: "limited", texts: []string{"/etc/subgid gives ann none", "usermod --add-subgids"}},
		{what: "by name", passwd: passwd, subuid: "ann:200000:65536\n", subgid: "ann:200000:1000\n",
			verdict: "fine", texts: []string{"mapped 65537 user ids and 1001 group ids"}},
		{what: "by number", passwd: passwd, subuid: "12345:200000:65536\n", subgid: "12345:200000:65536\n",
			verdict: "fine"},
		{what: "not setuid", passwd: passwd, subuid: "ann:200000:65536\n", subgid: "ann:200000:65536\n",
			break_: "mount --bind -o nosuid /usr/bin /usr/bin && mount -o remount,bind,nosuid /usr/bin", verdict: "limited", texts: []string{"newuidmap: ", "setuid"}},
		{what: "no program", passwd: passwd, subuid: "ann:200000:65536\n", subgid: "ann:200000:65536\n",
			break_: "mount --bind /dev/null $(command -v newgidmap)", verdict: "limited", texts: []string{"newgidmap is not in PATH", "uidmap"}},
	} {
		t.Run(test.what, func(t *testing.T) {
			harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
				etc, temp := c.Dir(), c.Dir()
				if err := os.Chmod(temp, 0o777); err != nil {
					t.Fatal(err)
				}
				for name, content := range map[string]string{"passwd": test.passwd, "subuid": test.subuid, "subgid": test.subgid} {
					writeFile(t, etc+"/"+name, content)
				}
				e := examine(t, c).on("mount -t overlay -o lowerdir=" + etc + ":/etc overlay /etc\n" + test.break_ + "\n" +
					`exec setpriv --reuid 12345 --regid 12345 --clear-groups "$@"`)
				a := e.env("TMPDIR="+temp, "HOME="+temp).ask(t)
				a.says("subordinate ids", test.verdict, test.texts...)
				a.Want(0)
			}, harness.Root)
		})
	}
}

func TestDoctorNetwork(t *testing.T) {
	mirror := newRegistry(t)
	mirror.push(t, "library/alpine:latest", helloImage(t))
	bare := newRegistry(t)
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		e := examine(t, c).env("HTTPS_PROXY=")
		e.Under = c.Unshare("-n")
		a := e.ask(t)
		a.Want(0)
		a.says("registry", "limited", "no connection to Docker Hub", "--image=lab", "CONTAINER_GO_MIRROR")

		a = examine(t, c).env("CONTAINER_GO_MIRROR=" + mirror.host).ask(t)
		a.says("registry", "fine", mirror.host)
		a = examine(t, c).env("CONTAINER_GO_MIRROR=" + bare.host).ask(t)
		a.says("registry", "limited", "has no library/alpine:latest")
		a = examine(t, c).env("CONTAINER_GO_MIRROR=127.0.0.1:1").ask(t)
		a.says("registry", "limited", "127.0.0.1:1", "connection refused")
		a.Want(0)
	})
}

func TestDoctorDisk(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		small := c.Dir()
		a := examine(t, c).on("mount -t tmpfs -o size=1m tmpfs "+small).env("TMPDIR="+small, "XDG_DATA_HOME="+small).ask(t)
		a.Want(1)
		a.says("temporary files", "MISSING", small, "no space left", "TMPDIR")
		if c.Identity.IsUser() {
			a.says("image store", "MISSING", small, "CONTAINER_GO_STORE")
		}
		a = examine(t, c).on("mount -t tmpfs -o size=200m,noexec tmpfs " + small).env("TMPDIR=" + small).ask(t)
		a.Want(1)
		a.says("temporary files", "MISSING", "noexec")
		a = examine(t, c).on("mount -t tmpfs -o size=200m tmpfs " + small).env("TMPDIR=" + small).ask(t)
		a.Want(0)
		a.says("temporary files", "limited", "200 MiB")
	})
}

// An overlay cannot be the upper directory of another. Lesson 6 has that in memory
// then, but where nothing can be stored it cannot run at all.
func TestDoctorStore(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		if c.Identity.IsUser() {
			a := examine(t, c).env("XDG_DATA_HOME=/proc/1").ask(t)
			a.says("overlay", "MISSING", "/proc/1", "CONTAINER_GO_STORE")
			a.Want(1)
			return
		}
		dir := c.Dir()
		a := examine(t, c).on(fmt.Sprintf("mkdir %[1]s/lower %[1]s/upper %[1]s/work; "+
			"mount -t overlay -o lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work overlay /var/lib", dir)).ask(t)
		a.says("overlay", "limited", "mount overlay", "in memory", "ext4")
		a.Want(0)
	})
}

func TestDoctorTools(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		bin := c.Dir()
		a := examine(t, c).env("PATH=" + bin).ask(t)
		a.Want(1)
		a.says("go", "MISSING", "not in PATH")
		verdict := "limited"
		if c.Identity.IsUser() {
			verdict = "MISSING"
		}
		a.says("unshare", verdict, "not in PATH", "util-linux")

		// What makes lessons fail: no rights for unshare(1) alone, as by an AppArmor
		// profile for it.
		path := c.Dir()
		writeFile(t, path+"/unshare", "#!/bin/sh\necho unshare: no rights >&2; exit 1\n")
		if err := os.Chmod(path+"/unshare", 0o755); err != nil {
			t.Fatal(err)
		}
		fakeGo(t, path, "go1.25.4", "true")
		a = examine(t, c).env("PATH=" + path).ask(t)
		a.says("unshare", verdict, "no rights")
		a.says("go", "MISSING", "go1.25.4 is older than go1.26.0")

		fakeGo(t, path, "go1.26.0", "echo no module >&2; exit 1")
		a = examine(t, c).env("PATH=" + path + ":" + os.Getenv("PATH")).ask(t)
		a.says("go modules", "MISSING", "no module", "go mod download")
		a.says("go", "fine")

		e := examine(t, c)
		e.Dir = "/"
		a = e.ask(t)
		a.says("go", "MISSING", "checkout")
	})
}

// The lab image is made of the shell here, or of busybox.
func TestDoctorNoShell(t *testing.T) {
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		a := examine(t, c).on("for name in sh busybox; do path=$(command -v $name) && mount --bind /dev/null $(readlink -f $path); done; true").ask(t)
		a.says("lab image", "MISSING", "lesson 4")
		a.Want(1)
	}, harness.Root)
}

// Since Linux 6.3 there is a setting that forbids programs in memory.
func TestDoctorNoPrograms(t *testing.T) {
	if !exists("/proc/sys/vm/memfd_noexec") {
		t.Skip("this kernel has no vm.memfd_noexec, which forbids them")
	}
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		// It is the PID namespace's own.
		a := examine(t, c).on("echo 2 >/proc/sys/vm/memfd_noexec", "-p", "-f", "--mount-proc").ask(t)
		a.Want(1)
		a.says("program in memory", "MISSING", "lesson 6", "sysctl vm.memfd_noexec=1")
	}, harness.Root)
}

// Interrupted, it cleans up all the same; the harness looks.
func TestDoctorInterrupted(t *testing.T) {
	// A mirror that never answers keeps it waiting, however fast the machine is.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		for _, delay := range []time.Duration{0, 20, 60, 120} {
			e := examine(t, c).env("CONTAINER_GO_MIRROR=http://" + silent.Addr().String())
			p := e.Start()
			time.Sleep(delay * time.Millisecond)
			p.Signal(syscall.SIGINT)
			p.Wait()
			e.leavesNothing(t)
		}
	})
}
