package tests

import (
	"archive/tar"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// asAnn prepares a run by a shell, of which $ann makes a user with the uid 12345 called
// ann. A script may change the files that are then in /etc, with the lines of /etc/subuid
// among them.
func asAnn(t *testing.T, c *harness.Case, store, subuid, prepare, script string, args ...string) *harness.Command {
	t.Helper()
	etc, temp := c.Dir(), c.Dir()
	for name, content := range map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\nann:x:12345:12345::/:/bin/sh\n", "subuid": subuid, "subgid": subuid,
	} {
		writeFile(t, filepath.Join(etc, name), content)
	}
	for _, dir := range []string{temp, store} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := with(c, []string{"--store=" + store}, args...)
	cmd.Env = []string{"TMPDIR=" + temp, "HOME=" + temp}
	cmd.Under = []string{"unshare", "-m", "sh", "-ec", "cd " + etc + "\n" + prepare +
		"\nmount -t overlay -o lowerdir=" + etc + ":/etc overlay /etc\ncd /\nann='setpriv --reuid 12345 --regid 12345 --clear-groups'\n" + script, "sh"}
	return cmd
}

func needNewuidmap(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("newuidmap"); err != nil {
		harness.Skip(t, "there is no newuidmap", "install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora)")
	}
}

// Where there can be no more than one id, it is one, and why is said. A map that the
// kernel refuses is never an answer.
func TestSubordinateIDs(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		needNewuidmap(t)
		getsubids := filepath.Join(c.Dir(), "getsubids")
		writeScript(t, getsubids, "\necho 0: ann 700000000 100\n")
		const plain = "ann:700000000:100\n"
		const asUser, service = `exec $ann "$@"`, "echo 'subid: elsewhere' >nsswitch.conf"
		asked := "PATH=" + filepath.Dir(getsubids) + ":$PATH " + asUser
		store := c.NewStore()
		for _, test := range []struct {
			what, subuid, prepare, script string
			ids                           int
			why                           string
		}{
			{"plain", plain, "", asUser, 101, ""},
			{"twice, overlapping, with root and ourselves, empty", plain + "12345:700000000:100\nann:700000050:100\nann:0:10\nann:12340:10\nann:5:0\n", "", asUser, 1 + 100 + 50 + 9 + 9, ""},
			{"none", "bob:700000000:100\n", "", asUser, 1, "no subordinate ids in /etc/subuid and /etc/subgid"},
			{"no groups", plain, ">subgid", asUser, 1, "no subordinate ids in /etc/subgid"},
			{"unreadable", plain, "chmod 0 subuid", asUser, 1, "cannot be read: open /etc/subuid: permission denied"},
			{"in a directory service", plain, service, asked, 101, ""},
			{"in a directory service that newuidmap does not know", "bob:1:1\n", service, asked, 1, "newuidmap "},
			{"no new privileges", plain, "", `exec $ann --no-new-privs "$@"`, 1, "no_new_privs"},
			{"not setuid", plain, "cp $(command -v newgidmap) plain; mount --bind plain $(command -v newgidmap)", asUser, 1, "is not setuid root"},
			{"nosuid", plain, "mount --bind /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin", asUser, 1, "nosuid"},
			{"no name", "12345:700000000:100\n", "echo root:x:0:0::/root:/bin/sh >passwd", asUser, 1, "newuidmap "},
			{"in a user namespace with few ids", plain, "", `exec unshare -U --map-user=12345 --map-group=12345 "$@"`, 1, "no ids to spare"},
		} {
			r := asAnn(t, c, store, test.subuid, test.prepare, test.script, "cat", "/proc/self/uid_map").Run()
			ids := 0
			for line := range strings.Lines(r.Stdout) {
				var inside, outside, count int
				fmt.Sscan(line, &inside, &outside, &count)
				if ids += count; outside == 0 && count > 1 {
					t.Errorf("%s: the host's root is in the container\n%s", test.what, r)
				}
			}
			if r.Status != 0 || ids != test.ids || !strings.Contains(r.Stderr, test.why) {
				t.Errorf("%s: the container should have %d ids, and the reason should be %q\n%s", test.what, test.ids, test.why, r)
			}
		}
	}, harness.Root)
}

// An id that the container does not have is named, with those that it has and the line
// that would do, whether the user, the image or one of its files asks for it.
func TestSubordinateIDsBeyond(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		needNewuidmap(t)
		const subuid = "bob:600000000:65536\nann:700000000:100\n"
		store := c.NewStore()
		owned := func(uid, gid int) string {
			return "--image=" + labWith(t, c, v1.Config{}, entry{tar.Header{Name: "owned", Mode: 0o644, Uid: uid, Gid: gid}, ""})
		}
		user := "--image=" + labWith(t, c, v1.Config{User: "far:near"}, file("etc/passwd", "far:x:4321:5::/:\n"), file("etc/group", "near:x:7:\nfar:x:900:odd\n"))
		for _, test := range []struct {
			flag, subuid string
			want         []string // of the error
		}{
			{"--user=101", subuid, []string{"uid 101", "1 to 100", "700000000 to 700000099", "ann:700000100:1", "/etc/subuid"}},
			{"--user=5:5000", subuid, []string{"gid 5000", "700000000 to 700000099", "ann:700000100:4900", "/etc/subgid"}},
			{"--user=65534:65534", subuid, []string{"uid 65534", "ann:700000100:65434"}},
			{user, subuid, []string{"uid 4321", "ann:700000100:4221"}},
			{owned(101, 0), subuid, []string{"uid 101", "owned", "700000000 to 700000099", "ann:700000100:1 to /etc/subuid"}},
			{owned(0, 102), subuid, []string{"gid 102", "owned", "ann:700000100:2 to /etc/subgid"}},
			{"--user=33", "bob:600000000:65536\n", []string{"uid 33", "only the uids 0 ", "ann:600065536:65536 to /etc/subuid and /etc/subgid"}},
			{"--user=70000", "", []string{"uid 70000", "ann:100000:70000 to"}},
		} {
			cmd := asAnn(t, c, store, test.subuid, "", `exec $ann "$@"`, "true")
			cmd.Flags = append(cmd.Flags, test.flag)
			r := cmd.Run().Want(125)
			for _, want := range test.want {
				if !strings.Contains(r.Stderr, want) {
					t.Errorf("%s: no %q in the error\n%s", test.flag, want, r)
				}
			}
		}
		cmd := asAnn(t, c, store, "", "", `exec "$@"`, "true")
		cmd.Flags = append(cmd.Flags, "--userns", "--user=70000")
		if r := cmd.Run().Want(125); !strings.Contains(r.Stderr, "root:100000:70001 to /etc/subuid") {
			t.Errorf("root, who has no line in /etc/subuid, needs one that is long enough\n%s", r)
		}
	}, harness.Root)
}
