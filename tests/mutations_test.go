package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// mutation breaks a lesson in one place.
type mutation struct {
	what   string
	lesson string
	file   string
	change []string // old, new, and so on; each old occurs exactly once
	test   string   // must then fail
}

// rootsTests are those that an ordinary user has no part in.
var rootsTests = []string{"TestRuntimeKilledWithUser", "TestAttackDeviceMode", "TestStoreOwners", "TestRuntimeDeathSignal", "TestAttackProcSys", "TestAttackDeviceNodes", "TestAttackSetuidProgram"}

// Break it: each of these must turn its test red, and so must the exercises, which
// are those that the texts ask the reader to make. What no test misses is not
// taught, or not tested.
var mutations = []mutation{
	{"death by signal not told", "01-uts", "01-uts/main.go",
		[]string{"os.Exit(128 + int(status.Signal()))", "os.Exit(1)"}, "TestContractStatusOfSignal"},
	{"stdin not passed on", "01-uts", "01-uts/main.go",
		[]string{"cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr", "cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr"}, "TestContractStdin"},
	{"rights not checked", "01-uts", "01-uts/main.go",
		[]string{"if os.Geteuid() != 0 {", "if false {"}, "TestContractNoRights"},

	{"container outlives parent", "03-pid", "03-pid/main.go",
		[]string{"Pdeathsig: syscall.SIGKILL,", ""}, "TestPid1HostProc"},
	{"Ctrl-C ends the shell", "03-pid", "03-pid/main.go",
		[]string{"signal.Notify(make(chan os.Signal, 1), os.Interrupt)", "signal.Reset()"}, "TestTerminalShell"},

	{"no UTS namespace", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"unix.CLONE_NEWUTS |", ""}, "TestHostname"},
	{"no mount namespace", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"unix.CLONE_NEWNS |", ""}, "TestMountsPrivate"},
	{"no PID namespace", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"unix.CLONE_NEWPID |", ""}, "TestPid1"},
	{"no cgroup namespace", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"unix.CLONE_NEWCGROUP,", "0,"}, "TestRuntimeNamespaces"},
	{"nobody to kill PID 1 without its death signal", runtime6, "06-full-runtime/main.go",
		[]string{"Born: own.Born", "Born: func(int, int) error { return nil }"}, "TestRuntimeKilledWithUser"},
	{"in the host's process group", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"Setsid: true,", ""}, "TestAttackKillZero"},
	{"the host's device files writable", runtime6, "06-full-runtime/inside/dev.go",
		[]string{`return mount.SetReadOnly("neither its owner nor its mode is to be changed", path, false)`, "return nil"}, "TestAttackDeviceMode"},
	{"the user's umask", runtime6, "06-full-runtime/inside/message.go",
		[]string{"unix.Umask(0o022)", ""}, "TestRuntimeUmask"},
	{"no network namespace", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"attr.Cloneflags |= unix.CLONE_NEWNET", ""}, "TestFlagNetwork"},
	{"loopback left down", runtime6, "06-full-runtime/inside/network.go",
		[]string{"request.SetUint16(unix.IFF_UP)", ""}, "TestFlagNetwork"},
	{"volumes writable", runtime6, "06-full-runtime/inside/volumes.go",
		[]string{`return mount.SetReadOnly("as :ro says", target, !v.file)`, "return nil"}, "TestFlagVolume"},
	{"root writable", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"if !p.ReadOnly {", "if true {"}, "TestFlagTmpfsAndReadOnly"},
	{"terminal left raw", runtime6, "06-full-runtime/container/terminal.go",
		[]string{"_ = unix.IoctlSetTermios(3, unix.TCSETS, old)", "_ = old"}, "TestTerminalOwn"},
	{"command before the runtime is ready", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"		p.awaitParent,      //", "		//"}, "TestRuntimeSignalsReady"},
	{"capabilities kept", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"		p.dropCapabilities, //", "		//"}, "TestAttackCapabilities"},
	{"masks left out", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"		p.maskPaths,        //", "		//"}, "TestAttackProcPaths"},
	{"proc sys writable", runtime6, "06-full-runtime/inside/masks.go",
		[]string{"self.Set(unix.MOUNT_ATTR_RDONLY); err", "error(nil); err"}, "TestAttackProcPaths"},
	{"no seccomp filter", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"		p.filterCalls,      //", "		//"}, "TestAttackSystemCalls"},
	{"a filter that lets everything through", runtime6, "06-full-runtime/seccomp/tree.go",
		[]string{"{code: ret, k: uint32(o.verdict)}", "{code: ret, k: uint32(allow)}"}, "TestAttackSystemCalls"},
	{"capabilities do not open calls", runtime6, "06-full-runtime/seccomp/seccomp.go",
		[]string{"c.with&^capabilities == 0", "c.with == 0"}, "TestAttackSystemCalls"},
	{"no_new_privs not set", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"		p.forbidPrivileges, //", "		//"}, "TestAttackSetuidProgram"},
	{"cgroups of the host", runtime6, "06-full-runtime/inside/sys.go",
		[]string{"return explain.Step(s.group.Cover(fd, cgroups)", "s.group.Close()\n\treturn explain.Step(nil"}, "TestAttackSys"},
	{"sys writable", runtime6, "06-full-runtime/inside/sys.go",
		[]string{"const attr = unix.MOUNT_ATTR_RDONLY |", "const attr ="}, "TestAttackSys"},
	{"mounts below sys writable", runtime6, "06-full-runtime/mount/cover.go",
		[]string{"unix.MountSetattr(m.fd, \"\", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr)", "unix.MountSetattr(m.fd, \"\", unix.AT_EMPTY_PATH, attr)"}, "TestAttackSys"},
	{"devices in images", runtime6, "06-full-runtime/inside/overlay.go",
		[]string{"unix.MS_NODEV", "0"}, "TestAttackDeviceNodes"},
	{"devices in volumes", runtime6, "06-full-runtime/inside/volumes.go",
		[]string{"v.made.Set(unix.MOUNT_ATTR_NODEV)", "error(nil)"}, "TestAttackDeviceNodes"},
	{"keys inherited", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"leaveKeyring,", ""}, "TestRuntimeKeyring"},
	{"no resize", runtime6, "06-full-runtime/container/console.go",
		[]string{"signal.Notify(c.resized, unix.SIGWINCH, unix.SIGCONT)", "signal.Notify(c.resized, unix.SIGCONT)"}, "TestTerminalOwn"},

	{"pulled each time", runtime6, "06-full-runtime/fetch/find.go",
		[]string{`want.Pull == "missing" && store.IsLocal(want.Ref)`, `want.Pull == "missing"`}, "TestStoreOffline"},
	{"layers unpacked by several at once", runtime6, "06-full-runtime/store/pull.go",
		[]string{`lowest), unix.LOCK_EX`, `lowest), unix.LOCK_SH`}, "TestStoreAtOnce"},
	{"dead containers not swept", runtime6, "06-full-runtime/main.go",
		[]string{"if err := state.Sweep(r.Store); err != nil {", "if err := error(nil); err != nil {"}, "TestStoreSweep"},
	{"dead containers of other boots", runtime6, "06-full-runtime/state/pid1.go",
		[]string{"err == nil && now == started", "err == nil && strings.Fields(now)[1] == strings.Fields(started)[1]"}, "TestStoreSweepNotes"},
	{"death signal lost at exec", runtime6, "06-full-runtime/userns/write.go",
		[]string{"range lastCapability() + 1", "range uintptr(unix.CAP_SYS_ADMIN) + 1"}, "TestRuntimeDeathSignal"},
	{"layers in use pruned", runtime6, "06-full-runtime/state/sweep.go",
		[]string{"			used[id] = true", "			_ = id"}, "TestStoreImagesAndPrune"},
	{"layers unpacked beside each other", runtime6, "06-full-runtime/fetch/unpack.go",
		[]string{"w.Flat || len(w.lower) == 0", "w.Flat || len(w.lower) >= 0"}, "TestStoreLayers"},
	{"the root's attributes lost", runtime6, "06-full-runtime/fetch/unpack.go",
		[]string{"mount.SameAttributes(w.lower[len(w.lower)-1], tree)", "error(nil)"}, "TestStoreLayers"},
	{"opaque directories not honoured", runtime6, "06-full-runtime/inside/overlay.go",
		[]string{`more += ",userxattr"`, `more += ""`}, "TestStoreLayers"},
	{"owners lost in a user namespace", runtime6, "06-full-runtime/fetch/unpack.go",
		[]string{"Owners: unpack.PreservesOwners()", "Owners: false"}, "TestStoreOwners"},
	{"inheritable capabilities", runtime6, "06-full-runtime/inside/capabilities.go",
		[]string{"want[i].Permitted, 0", "want[i].Permitted, want[i].Inheritable"}, "TestAttackInheritable"},
	{"init not confined", runtime6, "06-full-runtime/inside/init.go",
		[]string{"err = syscall.Exec(p.program, []string{config.ChildName, strconv.Itoa(fd)}, ours)", "_, err = ours, runInit(command)"}, "TestAttackInit"},
	{"zombies", runtime6, "06-full-runtime/inside/init.go",
		[]string{"syscall.Wait4(-1,", "syscall.Wait4(command,"}, "TestInitReaps"},
	{"init keeps signals", runtime6, "06-full-runtime/inside/init.go",
		[]string{"_ = syscall.Kill(-command, s.(syscall.Signal))", "_ = s"}, "TestInitSignals"},
}

func TestMutations(t *testing.T) {
	if harness.Graded() {
		t.Skip("these are mutations of the lessons; -program is another program")
	}
	all := slices.Clone(exercises)
	for _, m := range mutations {
		all = append(all, exercise{mutation: m})
	}
	tests := map[string][]string{} // by lesson
	for _, m := range all {
		if !slices.Contains(tests[m.lesson], m.test) {
			tests[m.lesson] = append(tests[m.lesson], m.test)
		}
	}
	for lesson, names := range tests {
		// That these tests pass at all in such a process is as clear from the small
		// lessons; the large ones are tested enough beside this.
		if lesson == runtime6 || lesson == lesson5 {
			continue
		}
		program := harness.Build(t, lesson)
		t.Run(lesson+"/unchanged", func(t *testing.T) {
			t.Parallel()
			if output, err := grade(t, program, lesson, strings.Join(names, "|"), "-test.failfast"); err != nil {
				t.Errorf("the lesson as it is fails the tests that are to tell it from its mutations: %v\n%s", err, output)
			}
		})
	}
	for _, m := range all {
		if os.Geteuid() != 0 && slices.Contains(rootsTests, m.test) {
			continue
		}
		t.Run(m.lesson+"/"+m.what, func(t *testing.T) {
			t.Parallel()
			program := harness.BuildOver(t, m.lesson, m.file, m.apply(t))
			output, err := grade(t, program, m.lesson, m.test, "-test.failfast")
			if err == nil {
				t.Errorf("%s passes all the same", m.test)
			} else if !strings.Contains(output, "--- FAIL: "+m.test) {
				t.Errorf("%s did not come to an end: %v\n%s", m.test, err, output)
			}
			m.checkOutput(t, output)
			t.Log(output)
			if asked := rooms(m.lesson); m.also != nil && asked != "" {
				m.checkRed(t, program, asked)
			}
		})
	}
}

// apply returns the changed file.
func (m mutation) apply(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(harness.Workspace(t), m.file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for pair := range slices.Chunk(m.change, 2) {
		if n := strings.Count(text, pair[0]); n != 1 {
			t.Fatalf("%s has %d times what is to be changed: %s", m.file, n, pair[0])
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	return text
}

// grade runs these tests in a process of their own against another program. That
// gives root's tests a stand-in host of their own, for the program to ruin.
func grade(t *testing.T, program, lesson, tests string, more ...string) (output string, err error) {
	t.Helper()
	return runTests(t, append(more, "-test.run=^("+tests+")$", "-program="+program, "-as="+lesson,
		"-grace=300ms", "-patience=3s")...)
}

// runTests runs the tests in a process of their own.
func runTests(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	// If it loses sight of its files, we remove them.
	cmd.Env = append(os.Environ(), "TMPDIR="+readable(t))
	if !harness.Prebuilt() {
		// A shell script that solves lesson 6 pulls with lesson 5.
		cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH")+":"+filepath.Dir(harness.Build(t, lesson5)))
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
