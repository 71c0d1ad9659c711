package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
	"example.com/container-go/tests/text"
)

// exercise is a mutation that a lesson's text has the reader make.
type exercise struct {
	mutation
	// says is in the failing test's output, for root and for an ordinary user: the
	// kernel's own word for what it was, or was not, asked for.
	says string
	// why is what the text says, word for word, after the name of the test.
	why string
	// also are the other tests of this lesson's rooms that go red. It is nil if nobody
	// looks, as where nearly all do: the host is damaged, or the kernel refuses the rest.
	also []string
}

// alone is for an exercise that turns its own test red and no other.
var alone = []string{}

// rooms are the tests that are made for a lesson's ideas, and those of the lessons
// before it. Lesson 6's take a minute for each exercise; -scale=2 has them run too.
func rooms(lesson string) string {
	rooms := map[string]string{
		"01-uts":    "Hostname|Contract",
		"02-mount":  "Hostname|Contract|Mounts",
		"03-pid":    "Hostname|Contract|Mounts|Pid1|Terminal",
		"04-chroot": "Hostname|Contract|Mounts|Pid1|Terminal|Rootfs",
		lesson5:     "Image",
	}
	if harness.Scaled(1) > 1 {
		rooms[runtime6] = rooms["04-chroot"] + "|Runtime|Flag|Attack|Init|Explain"
	}
	return rooms[lesson]
}

// exercises are the mutations of the part "Break it", in its order.
var exercises = []exercise{
	{mutation{"no UTS namespace", "01-uts", "01-uts/main.go",
		[]string{"Cloneflags: syscall.CLONE_NEWUTS,", ""}, "TestHostname"},
		"CLONE_NEWUTS",
		"We no longer ask clone(2) for a UTS namespace, so the child is in the host's, and sethostname(2) is about the host. Root renames the whole machine by it. Root of a user namespace may not: the host's UTS namespace is not its own.",
		nil},
	{mutation{"hostname not set", "01-uts", "01-uts/main.go",
		[]string{`must("sethostname", syscall.Sethostname([]byte("shadman-lab")))`, ""}, "TestHostname"},
		"sethostname",
		"There is a namespace, but a new UTS namespace is a copy of the one before. Until somebody calls sethostname(2) in it, it holds your machine's name.", alone},
	{mutation{"child outlives parent", "01-uts", "01-uts/main.go",
		[]string{"Pdeathsig: syscall.SIGKILL,", ""}, "TestContractEnds"},
		"PR_SET_PDEATHSIG",
		"To the kernel, parent and child are two processes, and the end of one is nothing to the other. Without the death signal (prctl(2), PR_SET_PDEATHSIG) the command runs on when we are killed.", alone},
	{mutation{"exit status lost", "01-uts", "01-uts/main.go",
		[]string{"os.Exit(status.ExitStatus())", "os.Exit(0)"}, "TestContractStatus"},
		"wait4",
		"The kernel hands the command's exit status to whoever waits for it (wait4(2)), and that is us. If we do not pass it on, nobody learns it.",
		[]string{"TestContractShell", "TestContractNoSuchCommand"}},

	{mutation{"no mount namespace", "02-mount", "02-mount/main.go",
		[]string{"Unshareflags: syscall.CLONE_NEWNS,", ""}, "TestMountsPrivate"},
		"CLONE_NEWNS",
		"The kernel was not asked for another mount tree, so mount(2) works on the host's. Root has a tmpfs on its /mnt now, and keeps it when the program is long gone. Root of a user namespace is refused.",
		nil},
	{mutation{"mount tree copied but still shared", "02-mount", "02-mount/main.go",
		[]string{"Unshareflags: syscall.CLONE_NEWNS,", "", "Cloneflags: syscall.CLONE_NEWUTS,", "Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWNS,"}, "TestMountsShared"},
		"MS_PRIVATE",
		"The child has a copy of the mount tree, but the copy of a shared mount is in the same peer group as the original, and the kernel passes every mount on to its peers. Only where the host's tree is private would you not notice; so the test makes a shared one.", alone},
	{mutation{"no file in the tmpfs", "02-mount", "02-mount/main.go",
		[]string{`os.WriteFile("/mnt/hello", []byte("hello from the container\n"), 0o644)`, `os.Chdir("/mnt")`}, "TestMountsTmpfs"},
		"tmpfs",
		"A new tmpfs is empty: what the host has in /mnt is not copied, only hidden.", alone},

	{mutation{"no PID namespace", "03-pid", "03-pid/main.go",
		[]string{" | syscall.CLONE_NEWPID", ""}, "TestPid1"},
		"CLONE_NEWPID",
		"clone(2) was not asked for a PID namespace, so the command is one more process of the host's, and a proc mounted by it shows them all. Root of a user namespace may not even mount that: a proc belongs to a PID namespace, and this one is the host's.",
		nil},
	{mutation{"no new proc", "03-pid", "03-pid/main.go",
		[]string{`must("mount proc on /proc", syscall.Mount("proc", "/proc", "proc", flags, ""))`, "_ = flags"}, "TestPid1Proc"},
		"no new proc was mounted",
		"The command is number 1, but the proc in its copy of the mount tree is the one that the host mounted. A proc shows one PID namespace, that of the process which mounted it, to whoever looks.",
		[]string{"TestPid1ProcFlags"}},
	{mutation{"proc over the host's", "03-pid", "03-pid/main.go",
		[]string{"Unshareflags: syscall.CLONE_NEWNS,", ""}, "TestPid1HostProc"},
		"CLONE_NEWNS",
		"Without a mount namespace the new proc covers the host's own /proc. Soon it shows a PID namespace that has no processes any more, and neither ps nor anything else works until somebody unmounts it. Root of a user namespace is refused.",
		nil},
	{mutation{"proc without flags", "03-pid", "03-pid/main.go",
		[]string{"syscall.MS_NOSUID | syscall.MS_NOEXEC | syscall.MS_NODEV", "0"}, "TestPid1ProcFlags"},
		"MS_NOSUID",
		"The flags are not what makes proc work but what keeps it harmless: no setuid program, no program at all and no device is honoured in there. In a user namespace the kernel may insist on them, when the host's own proc has them.", alone},

	{mutation{"no chroot", "04-chroot", "04-chroot/main.go",
		[]string{`must("chroot to "+root, syscall.Chroot(root))`, ""}, "TestRootfs"},
		"chroot(2)",
		"Everything is in place, and nobody has told the kernel that the process's root is there now. So a path that begins with / is looked up from the host's root, as before.",
		[]string{"TestMountsTmpfs", "TestPid1Proc", "TestPid1ProcFlags", "TestRootfsWrite", "TestRootfsHidesHost", "TestRootfsIsAnother"}},
	{mutation{"no chdir after chroot", "04-chroot", "04-chroot/main.go",
		[]string{`must("enter the new root", os.Chdir("/"))`, ""}, "TestRootfsHidesHost"},
		"chdir(2)",
		"chroot(2) changes where / is, and not where you are. The working directory is still the host's, outside the new root, and from there .. leads all the way up.", alone},
	{mutation{"proc outside the new root", "04-chroot", "04-chroot/main.go",
		[]string{`syscall.Mount("proc", root+"/proc", "proc"`, `syscall.Mount("proc", "/proc", "proc"`}, "TestPid1Proc"},
		"no new proc was mounted",
		"mount(2) looks a path up like any other call, from the root that the process has at that moment. This proc covers the /proc that we are about to leave, and the one in the new root is an empty directory.",
		[]string{"TestMountsTmpfs", "TestPid1ProcFlags"}},

	{mutation{"blob digest not checked", lesson5, "05-oci-pull/pull/pull.go",
		[]string{`if err := compare("digest", digest, layer.Digest); err != nil {`, "if err := error(nil); err != nil {"}, "TestImageWrongDigest"},
		"digest",
		"The manifest names a layer by the SHA-256 of its bytes. If nobody computes it, a registry, a mirror or a damaged disk can give you any bytes it likes, and you will run them.",
		[]string{"TestImageLayout"}},
	{mutation{"diff ID not checked", lesson5, "05-oci-pull/pull/pull.go",
		[]string{`return int64(read), compare("diff ID", diffID, layer.DiffID)`, "return int64(read), nil"}, "TestImageWrongDiffID"},
		"diff ID",
		"The digest is that of the compressed bytes, the diff ID that of the tar archive inside. The config promises the second, and only it says that what was unpacked is what was built.", alone},
	{mutation{"manifest and config not checked", lesson5, "05-oci-pull/image/image.go",
		[]string{"if got != want {", "if false {"}, "TestImageDamagedMetadata"},
		"sha256:",
		"Index, manifest, config and layers are a chain: each names the next by its digest. A chain with a link that nobody checks is not one, and then all the digests below can be replaced together.", alone},
	{mutation{"whiteouts are files", lesson5, "05-oci-pull/unpack/entry.go",
		[]string{"err != nil || w.kind != noWhiteout {", "err != nil {"}, "TestImageLayout"},
		"whiteout",
		"To tar, a whiteout is an empty file with an odd name. Only the image specification says that it means the absence of another, and what an upper layer has deleted is back.",
		[]string{"TestImageCompressionsAndMediaTypes"}},

	{mutation{"no IPC namespace", runtime6, "06-full-runtime/container/namespaces.go",
		[]string{"unix.CLONE_NEWIPC,", "0,"}, "TestRuntimeNamespaces"},
		"CLONE_NEWIPC",
		"clone(2) was not asked for an IPC namespace, so shared memory, semaphores and message queues are the host's. They have no path, so neither the mounts nor the root keep them apart: whoever knows the number has them. Root of a user namespace is refused earlier: the message queues that it wants to mount are not its own.",
		nil},
	{mutation{"mount tree still shared", runtime6, "06-full-runtime/inside/pid1.go",
		[]string{"makePrivate,  ", "func() error { return nil },"}, "TestMountsShared"},
		"MS_PRIVATE",
		"The copy of a shared tree is shared, so the overlay that we mount is mounted on the host as well. Then the container ends: the kernel refuses pivot_root(2) where it would have to pass the new root on to the peers.",
		[]string{"TestExplain"}},
	{mutation{"chroot for pivot_root", runtime6, "06-full-runtime/inside/root.go",
		[]string{`unix.PivotRoot(".", ".")`, `unix.Chroot(".")`, `unix.Unmount(".", unix.MNT_DETACH)`, "error(nil)"}, "TestAttackEscapesPivotRootNot"},
		"pivot_root(2)",
		"chroot(2) changes one process's idea of where / is. The host's root is still mounted above, and lesson 4's program walks up to it. pivot_root(2) changes the mount tree, and what is unmounted cannot be walked to.", alone},
	{mutation{"descriptors inherited", runtime6, "06-full-runtime/container/container.go",
		[]string{"unix.CloseRange(3,", "unix.CloseRange(math.MaxInt32,"}, "TestRuntimeDescriptors"},
		"close-on-exec",
		"An open file stays open across clone(2) and execve(2), unless it is marked close-on-exec. If whoever started us had a directory of the host open, so has the command, and openat(2) from there knows no other root.", alone},
	{mutation{"PID 1 left to ignore signals", runtime6, "06-full-runtime/container/signals.go",
		[]string{"f.pid1.signal(unix.SIGKILL)", "f.pid1.signal(sig)"}, "TestRuntimeSignalsEnd"},
		"signal(7)",
		"kill(2) succeeds and nothing happens: the kernel does not deliver to PID 1 what it has no handler for. From outside only SIGKILL and SIGSTOP are excepted.",
		[]string{"TestContractEnds", "TestInitSignals", "TestTerminalInterrupt"}},
}

// checkOutput checks that a failing test explains itself.
func (e exercise) checkOutput(t *testing.T, output string) {
	t.Helper()
	if !strings.Contains(output, e.says) {
		t.Errorf("%s goes red without a word about %s:\n%s", e.test, e.says, output)
	}
}

// checkRed checks that of the tests in these rooms just those go red that should.
func (e exercise) checkRed(t *testing.T, program, rooms string) {
	t.Helper()
	output, _ := grade(t, program, e.lesson, "Test("+rooms+`)\w*`)
	var red []string
	for _, match := range regexp.MustCompile(`(?m)^--- FAIL: (\w+)`).FindAllStringSubmatch(output, -1) {
		red = append(red, match[1])
	}
	want := append([]string{e.test}, e.also...)
	slices.Sort(want)
	if slices.Sort(red); !slices.Equal(red, want) {
		t.Errorf("it turns red %q, and should %q\n%s", red, want, output)
	}
}

// The texts and the exercises agree: on the change, on the test, and on the reason.
func TestTextsBreakIt(t *testing.T) {
	found := lessonTexts(t)
	shown := map[string]int{}
	for lesson, x := range found {
		for _, b := range x.Blocks {
			what, ok := strings.CutPrefix(b.Note, "mutation: ")
			if !ok || b.Language != "diff" {
				continue
			}
			where := fmt.Sprintf("%s:%d: %s", nameOf(t, x), b.Line, what)
			i := slices.IndexFunc(exercises, func(e exercise) bool { return e.lesson == lesson && e.what == what })
			if i < 0 {
				t.Errorf("%s: there is no such exercise", where)
				continue
			}
			e := exercises[i]
			shown[lesson]++
			if want := e.shortDiff(t); !slices.Equal(b.Lines, want) {
				t.Errorf("%s: the change is\n%s\nnot\n%s", where, strings.Join(want, "\n"), strings.Join(b.Lines, "\n"))
			}
			if want := fmt.Sprintf("`%s` goes red. %s", e.test, e.why); b.After != want {
				t.Errorf("%s: after the change the text should say\n%s\nnot\n%s", where, want, b.After)
			}
			if run := runBefore(x, b.Line); run != e.test+"$" {
				t.Errorf("%s: the text has the reader ask with -run '%s', and not %s", where, run, e.test)
			}
		}
	}
	for _, e := range exercises {
		if found[e.lesson] != nil && !slices.ContainsFunc(found[e.lesson].Blocks, func(b text.Block) bool { return b.Note == "mutation: "+e.what }) {
			t.Errorf("%s/README.md does not have the exercise %q", e.lesson, e.what)
		}
	}
	for lesson := range found {
		if shown[lesson] < 3 {
			t.Errorf("%s/README.md has %d exercises; it should have three or more", lesson, shown[lesson])
		}
	}
}

// runBefore is the -run that a text names last before a line, or else first after it.
func runBefore(x *text.Text, line int) (run string) {
	for i, s := range x.Lines {
		if i >= line && run != "" {
			break
		}
		if match := runFlag.FindStringSubmatch(s); match != nil {
			run = match[1]
		}
	}
	return run
}

var runFlag = regexp.MustCompile("-run '([^']+)'")

// shortDiff is the change as a text shows it: the lines that go and those that come.
func (m mutation) shortDiff(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("diff", "-U0", filepath.Join(harness.Workspace(t), m.file), "-")
	cmd.Stdin = strings.NewReader(m.apply(t))
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")[2:]
	return slices.DeleteFunc(all, func(line string) bool {
		return strings.HasPrefix(line, "@@") || strings.TrimSpace(line) == "+"
	})
}

// What a test says about a mutation, where a text shows it, is what it says.
func TestTextsRed(t *testing.T) {
	harness.Require(t)
	for lesson, x := range lessonTexts(t) {
		for _, b := range x.Blocks {
			what, ok := strings.CutPrefix(b.Note, "mutation: ")
			if !ok || b.Language != "console" {
				continue
			}
			i := slices.IndexFunc(exercises, func(e exercise) bool { return e.lesson == lesson && e.what == what })
			steps, err := b.Steps()
			if i < 0 || err != nil || len(steps) != 1 {
				t.Fatalf("%s:%d: not a test's words about an exercise: %v", nameOf(t, x), b.Line, err)
			}
			e := exercises[i]
			program := harness.BuildOver(t, e.lesson, e.file, e.apply(t))
			copied := filepath.Join(filepath.Dir(program), "my-broken")
			if err := os.Rename(program, copied); err != nil {
				t.Fatal(err)
			}
			output, _ := gradeCommand(t, steps[0].Command, copied)
			got := strings.Split(strings.TrimSuffix(output, "\n"), "\n")
			if !text.Match(steps[0].Output, got) {
				t.Errorf("%s:%d: the test says\n%s\nand the text shows\n%s", nameOf(t, x), b.Line, output, strings.Join(steps[0].Output, "\n"))
			}
		}
	}
}

var testCommand = regexp.MustCompile(`^go test \./tests (-\S.*) -program \./(my-container|my-pull|my-broken)( -as \S+)?$`)

// gradeCommand runs a text's test command, on a program in place of the reader's.
func gradeCommand(t *testing.T, command, program string, more ...string) (output string, err error) {
	t.Helper()
	match := testCommand.FindStringSubmatch(command)
	if match == nil {
		t.Fatalf("not a command that grades one of your programs: %s", command)
	}
	args := append(more, "-program="+program)
	for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(match[1]+match[3], -1) {
		if word == "-run" {
			word = "-test.run"
		}
		args = append(args, strings.Trim(word, "'"))
	}
	return runTests(t, args...)
}

// What you are told to try, an exercise or the next lesson, has a test for it; and
// a program of quite another kind, a shell script over unshare(1), passes where the
// reader's is to pass. The lesson that the reader starts from does not.
func TestTextsYourTurn(t *testing.T) {
	harness.Require(t)
	for lesson, x := range lessonTexts(t) {
		if lesson == runtime6 {
			continue // there is none after it
		}
		var commands []string
		for _, b := range x.Blocks {
			for _, line := range b.Lines {
				if b.Heading == "Your turn" && strings.HasPrefix(line, "go test") {
					commands = append(commands, line)
				}
			}
		}
		if len(commands) != 1 {
			t.Errorf("%s: your turn is graded by %d commands, want one", nameOf(t, x), len(commands))
			continue
		}
		t.Run(lesson, func(t *testing.T) {
			t.Parallel()
			solution, err := filepath.Abs("testdata/solutions/after-" + lesson + ".sh")
			if err != nil {
				t.Fatal(err)
			}
			if output, err := gradeCommand(t, commands[0], shared(t, solution)); err != nil {
				t.Errorf("$ %s\ndoes not pass for testdata/solutions/after-%s.sh: %v\n%s", commands[0], lesson, err, output)
			}
			// "They are worth a look", of tests that lesson 1 has passed already.
			if more := "go test ./tests -run TestContract -program ./my-container"; lesson == "01-uts" {
				if output, err := gradeCommand(t, more, shared(t, solution)); err != nil {
					t.Errorf("$ %s\ndoes not pass: %v\n%s", more, err, output)
				}
			}
			if _, err := gradeCommand(t, commands[0], harness.Build(t, lesson), "-grace=300ms", "-patience=3s", "-test.failfast"); err == nil {
				t.Errorf("$ %s\npasses for %s as it is, so there is nothing to do", commands[0], lesson)
			}
		})
	}
}

// shared copies a program to where every user can reach it.
func shared(t *testing.T, program string) string {
	t.Helper()
	to := filepath.Join(readable(t), filepath.Base(program))
	copyFile(t, program, to)
	return to
}
