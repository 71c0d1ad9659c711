package tests

import (
	"os"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// An image's config says what to run, and where, and as whom (image-spec
// config.md).

func TestRuntimeCommand(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct {
			entrypoint, cmd, args []string
			want                  string
		}{
			{cmd: []string{"echo", "cmd"}, want: "cmd"},
			{cmd: []string{"echo", "cmd"}, args: []string{"echo", "args"}, want: "args"},
			{entrypoint: []string{"echo", "entrypoint"}, want: "entrypoint"},
			{entrypoint: []string{"echo", "entrypoint"}, cmd: []string{"cmd"}, want: "entrypoint cmd"},
			{entrypoint: []string{"echo", "entrypoint"}, cmd: []string{"cmd"}, args: []string{"args"}, want: "entrypoint args"},
		} {
			ref := labWith(t, c, v1.Config{Entrypoint: test.entrypoint, Cmd: test.cmd})
			if got := fromImage(c, ref, test.args...).Run().Output(); got != test.want {
				t.Errorf("Entrypoint %q, Cmd %q and the arguments %q ran as %q, not as %q", test.entrypoint, test.cmd, test.args, got, test.want)
			}
		}
		r := fromImage(c, labWith(t, c, v1.Config{})).Run().Want(125)
		if !strings.Contains(r.Stderr, "no command") {
			t.Errorf("an image without a command, and no command given, is an error\n%s", r)
		}
	}, harness.Root)
}

func TestRuntimeEnvironment(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		ref := labWith(t, c, v1.Config{Env: []string{"FRUIT=apple pie", "EMPTY="}})
		got := fromImage(c, ref, "env").Run().Want(0).Stdout
		for _, want := range []string{
			"FRUIT=apple pie", "EMPTY=", "HOSTNAME=shadman-lab", "HOME=/root",
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		} {
			if !strings.Contains("\n"+got, "\n"+want+"\n") {
				t.Errorf("the environment lacks %s:\n%s", want, got)
			}
		}
		if n := strings.Count(got, "\n"); n != 5 {
			t.Errorf("the environment has %d variables, want 5: the host's are not the container's\n%s", n, got)
		}
		ref = labWith(t, c, v1.Config{Env: []string{"PATH=/tools", "HOME=/elsewhere"}}, executable("tools/mine", "#!/bin/sh\necho $PATH $HOME\n"))
		if got := fromImage(c, ref, "mine").Run().Output(); got != "/tools /elsewhere" {
			t.Errorf("the image's PATH and HOME are /tools and /elsewhere, the command's %s", got)
		}
	}, harness.Root, harness.User)
}

// An image may have no files at all.
func TestRuntimeNoLayers(t *testing.T) {
	ref := newRegistry(t).push(t, "nothing", newImage(t, ""))
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		if r := fromImage(c, ref, "true").Run().Want(127); !strings.Contains(r.Stderr, "true") {
			t.Errorf("the error should name the command that is not there\n%s", r)
		}
	})
}

func TestRuntimeWorkingDir(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, dir := range []string{"/tmp", "/made/on/the/way"} {
			if got := fromImage(c, labWith(t, c, v1.Config{WorkingDir: dir}), "sh", "-c", "pwd -P").Run().Output(); got != dir {
				t.Errorf("the image's working directory is %s, the command's %s", dir, got)
			}
		}
	}, harness.Root, harness.User)
}

func TestRuntimeUser(t *testing.T) {
	passwd := file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1001:1002:Ann:/home/ann:/bin/sh\n")
	group := file("etc/group", "root:x:0:\nann:x:1002:\nclub:x:1003:ann\n")
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for user, want := range map[string]string{
			"":          "0 0 /root",
			"root":      "0 0 /root",
			"ann":       "1001 1002 /home/ann",
			"1001":      "1001 1002 /home/ann",
			"ann:club":  "1001 1003 /home/ann",
			"77":        "77 0 /",
			"77:78":     "77 78 /",
			"1001:1003": "1001 1003 /home/ann",
		} {
			ref := labWith(t, c, v1.Config{User: user}, passwd, group)
			if got := fromImage(c, ref, "sh", "-c", "echo $(id -u) $(id -g) $HOME").Run().Output(); got != want {
				t.Errorf("with User %q the command has uid, gid and home %s, want %s", user, got, want)
			}
		}
		ref := labWith(t, c, v1.Config{User: "ann"}, passwd, group)
		if got := fromImage(c, ref, "id", "-G").Run().Output(); got != "1002 1003" {
			t.Errorf("ann's groups are %s, want 1002 1003 from /etc/group", got)
		}
	}, harness.Root, harness.RootUserNS, harness.UserSubIDs)
}

// A setuid program run by another user than root, the escape from lesson 4 here,
// clears the death signal (prctl(2)). All the same the container ends with a
// runtime that is killed.
func TestRuntimeKilledWithUser(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		program, err := os.ReadFile(harness.Build(t, "04-chroot/escape", "CGO_ENABLED=0"))
		if err != nil {
			t.Fatal(err)
		}
		setuid := executable("setuid", string(program))
		setuid.Mode |= 0o4000
		ref := labWith(t, c, v1.Config{User: "77:78"}, setuid)
		p := fromImage(c, ref, "/setuid", "/bin/sleep", "1000").Start()
		sleep := p.AwaitCommand("sleep")
		p.Signal(syscall.SIGKILL)
		gone(t, sleep)
		p.Wait()
	}, harness.Root)
}

func TestRuntimeUnknownUser(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := fromImage(c, labWith(t, c, v1.Config{User: "stranger"}), "true").Run().Want(125)
		if !strings.Contains(r.Stderr, "stranger") {
			t.Errorf("the error should name the user\n%s", r)
		}
	})
}

// With a single id there are no other users to become.
func TestRuntimeUserWithoutIDs(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := fromImage(c, labWith(t, c, v1.Config{User: "77:78"}), "true").Run()
		if r.Status == 0 {
			return // subordinate ids are there, and used
		}
		r.Want(125)
		if !strings.Contains(r.Stderr, "77") && !strings.Contains(r.Stderr, "78") {
			t.Errorf("the error should name the id\n%s", r)
		}
		noTrace(t, r)
	}, harness.User)
}
