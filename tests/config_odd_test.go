package tests

import (
	"archive/tar"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// Configs that builders write, or attackers, and that are not as they should be. What
// Docker does with them is right.
func TestRuntimeOddConfigs(t *testing.T) {
	accounts := []entry{
		file("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1001:1002::/home/ann:/bin/sh\nword:x:ten:0::/:\nbig:x:4294967296:0::/:\nminus:x:-1:0::/:\nshort:x\n\n"),
		file("etc/group", "root:x:0:\nclub:x:1003:ann\nhuge:x:4294967296:ann\nodd:x:y:ann\n"),
	}
	const say = "echo $(id -u):$(id -g) $PWD"
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct {
			config v1.Config
			args   []string
			status int
			want   string // of stdout, or part of stderr where the status is not 0
		}{
			{v1.Config{Entrypoint: []string{""}, Cmd: []string{"sh", "-c", "echo cmd"}}, nil, 0, "cmd"},
			{v1.Config{Entrypoint: []string{}, Cmd: []string{}}, nil, 125, "no command"},
			{v1.Config{Entrypoint: []string{""}}, nil, 125, "no command"},
			{v1.Config{Cmd: []string{""}}, nil, 127, "exec"},
			{v1.Config{Env: []string{"A", "B=1", "B=2", "HOME", "=x", ""}}, []string{"sh", "-c", "echo a=$A b=$B home=$HOME"}, 0, "a= b=2 home="},
			{v1.Config{User: "0:"}, []string{"sh", "-c", say}, 0, "0:0 /"},
			{v1.Config{User: ":0"}, []string{"sh", "-c", say}, 0, "0:0 /"},
			{v1.Config{User: "ann:"}, []string{"sh", "-c", say}, 0, "1001:1002 /"},
			{v1.Config{User: "ann"}, []string{"id", "-G"}, 0, "1002 1003"},
			{v1.Config{User: " 0"}, []string{"true"}, 125, `user " 0"`},
			{v1.Config{User: "ann bob"}, []string{"true"}, 125, `user "ann bob"`},
			{v1.Config{User: "2147483648"}, []string{"true"}, 125, "2147483648"},
			{v1.Config{User: "4294967296"}, []string{"true"}, 125, "4294967296"},
			{v1.Config{User: "99999999999999999999"}, []string{"true"}, 125, "99999999999999999999"},
			{v1.Config{User: "0:4294967296"}, []string{"true"}, 125, "4294967296"},
			{v1.Config{User: "-1"}, []string{"true"}, 125, "-1"},
			{v1.Config{User: "big"}, []string{"id", "-u"}, 125, "big"},
			{v1.Config{User: "word"}, []string{"id", "-u"}, 125, "word"},
			{v1.Config{User: "minus"}, []string{"id", "-u"}, 125, "minus"},
			{v1.Config{User: "short"}, []string{"id", "-u"}, 125, "short"},
			{v1.Config{User: "0:huge"}, []string{"id", "-g"}, 125, "huge"},
			{v1.Config{WorkingDir: "relative/dir"}, []string{"sh", "-c", "pwd"}, 0, "/relative/dir"},
			{v1.Config{WorkingDir: "/a/b/../../../c/"}, []string{"sh", "-c", "pwd"}, 0, "/c"},
			{v1.Config{WorkingDir: ".."}, []string{"sh", "-c", "pwd"}, 0, "/"},
			{v1.Config{WorkingDir: "/etc/passwd"}, []string{"sh", "-c", "pwd"}, 125, "/etc/passwd"},
		} {
			o := test.config
			what := fmt.Sprintf("with Entrypoint %q, Cmd %q, Env %q, User %q, WorkingDir %q and the arguments %q", o.Entrypoint, o.Cmd, o.Env, o.User, o.WorkingDir, test.args)
			r := fromImage(c, labWith(t, c, test.config, accounts...), test.args...).Run()
			switch {
			case r.Status != test.status:
				t.Errorf("%s the status should be %d\n%s", what, test.status, r)
			case test.status == 0 && strings.TrimSpace(r.Stdout) != test.want:
				t.Errorf("%s the command should print %q\n%s", what, test.want, r)
			case test.status != 0 && !strings.Contains(r.Stderr, test.want):
				t.Errorf("%s the error should contain %q\n%s", what, test.want, r)
			}
			noTrace(t, r)
		}
	}, harness.Root, harness.UserSubIDs)
}

// /etc/passwd and /etc/group are read inside the root, bounded, and only if they are
// files.
func TestRuntimeOddAccountFiles(t *testing.T) {
	const line = "root:x:0:0::/from/passwd:/bin/sh\n"
	filled := func(size int) string {
		return line + strings.Repeat("#", size-len(line)-1) + "\n"
	}
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for what, test := range map[string]struct {
			passwd entry
			home   string // "" where it is an error
		}{
			"a file":             {file("etc/passwd", line), "/from/passwd"},
			"a link":             {symlink("etc/passwd", "/other"), "/from/other"},
			"a link upwards":     {symlink("etc/passwd", "../../../../other"), "/from/other"},
			"a link in a circle": {symlink("etc/passwd", "passwd"), "/"},
			"a link to nothing":  {symlink("etc/passwd", "/gone"), "/"},
			"a link into /proc":  {symlink("etc/passwd", "/proc/self/root/other"), "/"},
			"a directory":        {directory("etc/passwd"), "/"},
			"a FIFO":             {entry{tar.Header{Name: "etc/passwd", Typeflag: tar.TypeFifo, Mode: 0o644}, ""}, "/"},
			"a link to a device": {symlink("etc/passwd", "/dev/zero"), "/"},
			"a file of 1 MiB":    {file("etc/passwd", filled(1<<20)), "/from/passwd"},
			"a larger file":      {file("etc/passwd", filled(1<<20+1)), ""},
		} {
			remove := file("etc/.wh.passwd", "")
			r := fromImage(c, labWith(t, c, v1.Config{}, remove, file("other", strings.Replace(line, "passwd", "other", 1)), test.passwd), "sh", "-c", "echo $HOME").Run()
			if got := strings.TrimSpace(r.Stdout); got != test.home || (r.Status != 0) != (test.home == "") {
				t.Errorf("with an /etc/passwd that is %s, HOME should be %q\n%s", what, test.home, r)
			}
			if test.home == "" && (r.Status != 125 || !strings.Contains(r.Stderr, "/etc/passwd has more than 1048576 bytes")) {
				t.Errorf("an /etc/passwd that is %s should be refused\n%s", what, r)
			}
		}
		r := fromImage(c, labWith(t, c, v1.Config{}, file("etc/group", strings.Repeat("g:x:7:root\n", 1<<20/11+1))), "true").Run().Want(125)
		if !strings.Contains(r.Stderr, "/etc/group has more than") {
			t.Errorf("the error should name /etc/group\n%s", r)
		}
	}, harness.Root)
}

// A directory that the image declares to hold data is writable, whatever else is not,
// with what the image has in it, and goes with the container.
func TestRuntimeImageVolumes(t *testing.T) {
	data := directory("data/")
	data.Mode, data.Uid, data.Gid = 0o2770, 70, 71
	owned := file("data/sub/file", "content\n")
	owned.Mode, owned.Uid, owned.Gid = 0o640, 70, 70
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		ref := labWith(t, c, v1.Config{Volumes: map[string]struct{}{"/data": {}, "new/one": {}, "/link": {}, "/covered": {}, "/data/sub/": {}}},
			data, owned, directory("behind/"), symlink("link", "/behind"), file("covered/image", ""))
		host := c.Dir()
		writeFile(t, host+"/mine", "mine\n")
		const script = `ls -lnd /data /data/sub/file /new/one | while read mode links uid gid rest; do echo $mode $uid:$gid; done
			cat /data/sub/file
			echo w >/data/w && echo w >/data/sub/w && echo w >/new/one/w && echo w >/behind/w && echo written
			(echo w >/w) 2>/dev/null || echo the root is not
			ls /covered; ls /data; grep -c -E ' (/data|/data/sub|/new/one|/behind) ' /proc/self/mountinfo`
		owner, group := "70:71", "70:70"
		if c.Identity.Name == harness.User { // whose only id is root's
			owner, group = "0:0", "0:0"
		}
		want := "drwxrws--- " + owner + "\n-rw-r----- " + group + "\ndrwxr-xr-x 0:0\ncontent\nwritten\n"
		for _, flags := range [][]string{{"--read-only"}, {"--read-only"}, nil} {
			flags := append([]string{"--image=" + ref, "--volume=" + host + ":/covered"}, flags...)
			got := with(c, flags, "sh", "-c", script).Run().Want(0).Stdout
			wanted := want + "the root is not\nmine\nsub\nw\n4\n"
			if len(flags) == 2 {
				wanted = want + "mine\nsub\nw\n4\n"
			}
			if got != wanted {
				t.Errorf("with the flags %s the volumes should show\n%s, and show\n%s", flags, wanted, got)
			}
		}
		onFile := labWith(t, c, v1.Config{Volumes: map[string]struct{}{"/etc/passwd": {}}})
		if r := fromImage(c, onFile, "true").Run().Want(125); !strings.Contains(r.Stderr, "/etc/passwd") {
			t.Errorf("a volume on a file of the image is an error that names it\n%s", r)
		}
		noTmpfs := with(c, []string{"--image=" + ref, "--tmpfs=/data", "--read-only"}, "sh", "-c", "ls /data").Run().Want(0)
		if strings.Contains(noTmpfs.Stdout, "file") {
			t.Errorf("--tmpfs on the same directory takes the place of the image's volume\n%s", noTmpfs)
		}
	}, harness.Root, harness.UserSubIDs, harness.User)
}
