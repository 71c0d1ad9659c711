package tests

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// with prepares a run of lesson 6 with flags.
func with(c *harness.Case, flags []string, args ...string) *harness.Command {
	cmd := c.Command(args...)
	cmd.Flags = append(cmd.Flags, flags...)
	return cmd
}

func TestFlagEnv(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		ref := labWith(t, c, v1.Config{Env: []string{"KEPT=image", "CHANGED=image", "UNSET=image"}})
		cmd := fromImage(c, ref, "sh", "-c", `echo "$KEPT $CHANGED $PASSED ${ABSENT-absent} ${UNSET-unset} $HOME"`)
		cmd.Flags = append(cmd.Flags, "-e", "CHANGED=flag", "--env=PASSED", "-eABSENT", "-e", "UNSET", "--env", "HOME=/x")
		cmd.Env = []string{"PASSED=ours"}
		if got, want := cmd.Run().Output(), "image flag ours absent unset /x"; got != want {
			t.Errorf("the environment is %q, want %q", got, want)
		}
	})
}

func TestFlagEntrypoint(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		ref := labWith(t, c, v1.Config{Entrypoint: []string{"echo", "entry"}, Cmd: []string{"cmd"}, WorkingDir: "/etc", User: "9"})
		run := func(flags []string, args ...string) string {
			cmd := fromImage(c, ref, args...)
			cmd.Flags = append(cmd.Flags, flags...)
			return cmd.Run().Output()
		}
		for _, test := range []struct {
			flags, args []string
			want        string
			root        bool // the image's user needs more ids than one
		}{
			{[]string{"-u", "0"}, nil, "entry cmd", false},
			{[]string{"-u", "0"}, []string{"arg"}, "entry arg", false},
			{[]string{"-u0", "--entrypoint=echo"}, nil, "", false},
			{[]string{"-u0", "--entrypoint", "echo"}, []string{"arg"}, "arg", false},
			{[]string{"-u0", "--entrypoint="}, []string{"echo", "none"}, "none", false},
			{[]string{"-u0", "-w/made/here", "--entrypoint=sh"}, []string{"--", "-c", "pwd"}, "/made/here", false},
			{[]string{"-u0", "--entrypoint=sh"}, []string{"--", "-c", "pwd"}, "/etc", false},
			{[]string{"-u0", "-w", "", "--entrypoint=sh"}, []string{"--", "-c", "pwd"}, "/etc", false},
			{[]string{"-u", "", "--entrypoint=sh"}, []string{"--", "-c", "id -u"}, "9", true},
			{[]string{"-u77:78", "--entrypoint=sh"}, []string{"--", "-c", "id -u; id -g"}, "77\n78", true},
		} {
			if test.root && c.Identity.Name == harness.User {
				continue
			}
			if got := run(test.flags, test.args...); got != test.want {
				t.Errorf("%q %q printed %q, want %q", test.flags, test.args, got, test.want)
			}
		}
	})
}

func TestFlagVolume(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		shared := c.Dir()
		// Root with --userns is not the host's root, whose directory this is.
		if err := os.Chmod(shared, 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(shared, "file"), "from the host\n")
		c.Identity.Give(t, filepath.Join(shared, "file"))
		// The image's symlinks are followed inside: /link leads to /made/here.
		ref := labWith(t, c, v1.Config{}, entry{tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/made/here", Mode: 0o777}, ""})
		cmd := fromImage(c, ref, "sh", "-c", `
			cat /link/file /made/here/file /ro/file /one
			echo from the container > /link/new
			echo x > /ro/no || echo refused`)
		cmd.Flags = append(cmd.Flags, "-v", shared+":/link", "--volume="+shared+":/ro:ro", "-v"+shared+"/file:/one")
		if got, want := cmd.Run().Output(), strings.Repeat("from the host\n", 4)+"refused"; got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
		if got, err := os.ReadFile(filepath.Join(shared, "new")); string(got) != "from the container\n" {
			t.Errorf("the host sees %q, %v in the file that the container made", got, err)
		}
		for bad, why := range map[string]string{
			"/nowhere-at-all:/x": "/nowhere-at-all", "name:/x": "named volumes", "/tmp": "SRC:DST", "/tmp:x": "absolute",
			"/tmp:/": "below /", "/etc/passwd:/etc": "on a file only", "/tmp:/etc/os-release": "on a file only",
		} {
			if r := with(c, []string{"-v", bad}, "true").Run().Want(125); !strings.Contains(r.Stderr, why) {
				t.Errorf("the error should say %q of -v %s\n%s", why, bad, r)
			}
		}
	})
}

func TestFlagTmpfsAndReadOnly(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		r := with(c, []string{"--read-only", "--tmpfs=/scratch:size=1m,mode=700", "--tmpfs", "/scratch/below"}, "sh", "-c", `
			touch /file 2>/dev/null || echo read-only
			for file in hosts hostname resolv.conf; do echo 2>/dev/null >>/etc/$file && echo $file can be written to; done
			touch /scratch/file /scratch/below/file /dev/shm/file && echo writable
			grep " /scratch " /proc/mounts`).Run()
		out := r.Output()
		for _, want := range []string{"read-only\nwritable\n", "nosuid", "nodev", "noexec", "size=1024k", "mode=700"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in what it printed:\n%s", want, r)
			}
		}
	})
}

func TestFlagNetwork(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		out := with(c, []string{"--network=none"}, "sh", "-c", "tail -n +3 /proc/net/dev; cat /proc/net/fib_trie").Run().Output()
		interfaces, _, _ := strings.Cut(out, "Main:")
		if strings.Count(interfaces, ":") != 1 || !strings.Contains(out, "lo:") || !strings.Contains(out, "127.0.0.0/8") {
			t.Errorf("with --network=none there should be lo, and it should be up: %q", out)
		}
		if r := with(c, []string{"--net=bridge"}, "true").Run().Want(125); !strings.Contains(r.Stderr, "bridge") {
			t.Errorf("the error should name the network\n%s", r)
		}
	})
}

// Names resolve as on the host, whatever the image has in their files' places.
func TestRuntimeNameFiles(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		ref := labWith(t, c, v1.Config{},
			entry{tar.Header{Name: "etc/resolv.conf", Typeflag: tar.TypeSymlink, Linkname: "../run/nowhere/resolv.conf", Mode: 0o777}, ""},
			file("etc/hosts", "the image's\n"))
		cmd := fromImage(c, ref, "sh", "-c", "cat /etc/hostname; cat /etc/hosts; echo --; cat /etc/resolv.conf")
		cmd.Flags = append(cmd.Flags, "-h", "box")
		names, resolv, _ := strings.Cut(cmd.Run().Output(), "--\n")
		if !strings.HasPrefix(names, "box\n") || !strings.Contains(names, "127.0.1.1\tbox\n") || strings.Contains(names, "the image's") {
			t.Errorf("/etc/hostname and /etc/hosts are %q", names)
		}
		host, _ := os.ReadFile("/etc/resolv.conf")
		if resolv != strings.TrimSpace(string(host)) {
			t.Errorf("/etc/resolv.conf is %q, the host's %q", resolv, host)
		}
	})
}

// With -t there is a terminal also where we are not at one.
func TestFlagTerminal(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		// The last line need not end.
		for _, more := range []string{"", "more\n", "more\nand more"} {
			cmd := with(c, []string{"-it"}, "sh", "-c", "tty; read line; echo got $line; cat; exit 4")
			cmd.Stdin = strings.NewReader("word\n" + more)
			r := cmd.Run().Want(4)
			for _, want := range []string{"/dev/pts/0\r\n", "got word\r\n", strings.ReplaceAll(more, "\n", "\r\n")} {
				if !strings.Contains(r.Stdout, want) {
					t.Errorf("no %q in what it printed:\n%s", want, r)
				}
			}
		}
		term := with(c, []string{"--tty=false"}, "sh", "-c", "tty; ls -l /proc/self/fd/0").AtTerminal()
		term.Expect("-> /dev/pts/")
		term.Wait().Want(0)
		cmd := with(c, []string{"-t", "-v", "/dev:/dev"}, "tty")
		cmd.Stdin = strings.NewReader("")
		if out := cmd.Run().Output(); !strings.Contains(out, "/dev/pts/") && !strings.Contains(out, "/dev/console") {
			t.Errorf("with the host's /dev, tty prints %q", out)
		}
	})
}

// What cannot be meant is refused, by a line that names it.
func TestFlagRefused(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct {
			flags []string
			why   string
		}{
			{[]string{"-w", "here"}, "absolute"},
			{[]string{"-e", "=value"}, "KEY"},
			{[]string{"-h", "two words"}, "two words"},
			{[]string{"-h", strings.Repeat("x", 65)}, "64"},
			{[]string{"--rm=false"}, "--rm"},
			{[]string{"--cpus=100000"}, "processors"},
			{[]string{"--prune"}, "--prune=all"},
			{[]string{"--images"}, "run nothing"},
			{[]string{"--platform=linux/riscv64/v1/2"}, "riscv64"},
		} {
			if r := with(c, test.flags, "all").Run().Want(125); !strings.Contains(r.Stderr, test.why) {
				t.Errorf("the error should say %q of %q\n%s", test.why, test.flags, r)
			}
		}
	}, harness.Root, harness.User)
}
