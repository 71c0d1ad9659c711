package tests

import (
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// A command line as one types it to docker has the image in the place of the command.
func TestHintImage(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct {
			args []string
			want string
		}{
			{[]string{"alpine", "sh"}, "--image=alpine sh"},
			{[]string{"ghcr.io/o/r:1.2", "sh", "-c", "echo $HOME"}, "--image=ghcr.io/o/r:1.2 COMMAND"},
			{[]string{"run", "debian:12"}, "--image=debian:12"},
			{[]string{"/no/such/file"}, ""}, {[]string{"./here"}, ""}, {[]string{"Nowhere"}, ""}, {[]string{""}, ""},
		} {
			r := c.Run(test.args...).Want(127)
			if !strings.Contains(r.Stderr, test.want) || (test.want == "") == strings.Contains(r.Stderr, "an image?") {
				t.Errorf("the hint should be %q\n%s", test.want, r)
			}
		}
	}, harness.Root, harness.User)
}

// A command that failed for want of a right says "permission denied", and we what
// would give it the right here. One that succeeded, or needs none, gets no hint.
func TestHintRights(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		const script = "#!/bin/sh\nexit $STATUS\n"
		ref := labWith(t, c, v1.Config{}, executable("bin/ping", script), executable("bin/mknod", script), executable("bin/nginx", script), executable("bin/serve", script))
		with := func(root, inUserNS string) string {
			if c.Identity.Name == harness.Root {
				return root
			}
			return inUserNS
		}
		for _, sysctl := range [][2]string{{"ping_group_range", "1\t0\n"}, {"ip_unprivileged_port_start", "1024\n"}} {
			if content, err := os.ReadFile("/proc/sys/net/ipv4/" + sysctl[0]); err != nil || string(content) != sysctl[1] {
				t.Skipf("this machine lets every user ping, or listen on low ports: %s is %q", sysctl[0], content)
			}
		}
		for _, test := range []struct {
			flags, args, status, want string
		}{
			{"", "ping -c1 127.0.0.1", "2", with("--cap-add=NET_RAW", "ping_group_range")},
			{"", "sh -c true;ping&&x", "1", with("--cap-add=NET_RAW", "ping_group_range")},
			{"--cap-add=NET_RAW", "ping ::1", "1", with("", "ping_group_range")},
			{"--network=none", "ping ::1", "1", "--cap-add=NET_RAW"},
			{"--network=none --cap-add=NET_RAW", "ping ::1", "1", ""},
			{"", "ping ::1", "0", ""},
			{"", "mknod /x c 1 3", "1", with("--cap-add=MKNOD", "user namespace")},
			{"", "mknod /x p", "1", ""},
			{"", "serve --port=80", "1", with("", "ip_unprivileged_port_start")},
			{"", "serve 0.0.0.0:443", "1", with("", "ip_unprivileged_port_start")},
			{"", "nginx -g daemon", "1", with("", "ip_unprivileged_port_start")},
			{"--cap-drop=ALL", "nginx", "1", "ip_unprivileged_port_start"},
			{"--network=none", "nginx", "1", ""},
			{"", "serve 8080", "1", ""}, {"", "serve :80", "0", ""}, {"", "serve", "1", ""},
		} {
			cmd := fromImage(c, ref, strings.Fields(test.args)...)
			if script, ok := strings.CutPrefix(test.args, "sh -c "); ok {
				cmd.Args = []string{"sh", "-c", script}
			}
			cmd.Flags = append(cmd.Flags, strings.Fields(test.flags+" -e STATUS="+test.status)...)
			r := cmd.Run()
			hints := strings.Contains(r.Stderr, "if it may not") || strings.Contains(r.Stderr, "nobody may make")
			if hints != (test.want != "") || !strings.Contains(r.Stderr, test.want) {
				t.Errorf("%s %s: the hint should be %q\n%s", test.flags, test.args, test.want, r)
			}
		}
	}, harness.Root, harness.User)
}
