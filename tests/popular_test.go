package tests

import (
	"archive/tar"
	"os"
	"os/exec"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"example.com/container-go/tests/harness"
)

// busyboxLayer has a shell and tools that are hard links, as the image busybox has
// them, in a tree where /bin is a link, as in debian's and ubuntu's.
func busyboxLayer(t *testing.T) v1.Layer {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		harness.Skip(t, "there is no busybox to make images of", "apt-get install busybox-static")
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries := []entry{directory("usr/"), directory("usr/bin/"), symlink("bin", "usr/bin"), executable("usr/bin/busybox", string(program)),
		executable("usr/bin/bash", "#!/bin/sh\nexec sh \"$@\"\n"),
		file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\npostgres:x:70:70::/var/lib/postgresql:/bin/sh\nredis:x:999:1000::/data:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n"),
		file("etc/group", "root:x:0:\npostgres:x:70:\nredis:x:1000:\n")}
	for _, tool := range strings.Fields("sh cat chmod chown echo env find grep id ls mkdir readlink stat su touch pwd") {
		entries = append(entries, entry{tar.Header{Name: "usr/bin/" + tool, Linkname: "usr/bin/busybox", Typeflag: tar.TypeLink, Mode: 0o755}, ""})
	}
	plain := layerTar(t, entries...)
	return newLayer(t, plain, types.OCIUncompressedLayer, plain)
}

// The images that are run most, in their documented shapes.
func TestPopularImages(t *testing.T) {
	const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	script := func(name string, lines ...string) entry {
		return executable(name, "#!/bin/sh\nset -e\n"+strings.Join(lines, "\n")+"\n")
	}
	redisData := directory("data/")
	redisData.Uid, redisData.Gid = 999, 1000
	nodeHome := directory("home/node/")
	nodeHome.Uid, nodeHome.Gid = 1000, 1000
	base := busyboxLayer(t)
	for name, image := range map[string]struct {
		config v1.Config
		files  []entry
		flags  []string
		args   []string
		want   string // stdout
		stderr string
	}{
		"nginx": {
			v1.Config{Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"}, Env: []string{path, "NGINX_VERSION=1"},
				ExposedPorts: map[string]struct{}{"80/tcp": {}}, StopSignal: "SIGQUIT"},
			[]entry{script("docker-entrypoint.sh", `exec "$@"`), symlink("var/log/nginx/access.log", "/dev/stdout"), symlink("var/log/nginx/error.log", "/dev/stderr"),
				script("usr/sbin/nginx", `echo "GET / $2" >>/var/log/nginx/access.log`, "echo notice >>/var/log/nginx/error.log")},
			nil, nil, "GET / daemon off;", "notice\n",
		},
		"postgres": {
			v1.Config{Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres"}, Env: []string{path, "PGDATA=/var/lib/postgresql/data"},
				Volumes: map[string]struct{}{"/var/lib/postgresql/data": {}}, StopSignal: "SIGINT", ExposedPorts: map[string]struct{}{"5432/tcp": {}}},
			[]entry{script("usr/local/bin/docker-entrypoint.sh", `if [ $(id -u) = 0 ]; then mkdir -p $PGDATA; chmod 700 $PGDATA; chown -R postgres:postgres $PGDATA; exec su postgres -s /bin/sh "$0" "$@"; fi`,
				`touch $PGDATA/PG_VERSION`, `exec "$@"`),
				script("usr/local/bin/postgres", `stat -c "%a %u:%g" $PGDATA`, `stat -c "%U" $PGDATA/PG_VERSION`), directory("var/lib/postgresql/data/")},
			[]string{"--read-only"}, nil, "700 70:70\npostgres", "",
		},
		"httpd": {
			v1.Config{Cmd: []string{"httpd-foreground"}, WorkingDir: "/usr/local/apache2", StopSignal: "SIGWINCH", Env: []string{path, "HTTPD_PREFIX=/usr/local/apache2"}},
			[]entry{script("usr/local/bin/httpd-foreground", `pwd`, `echo log >/proc/self/fd/1`), directory("usr/local/apache2/")},
			nil, nil, "/usr/local/apache2\nlog", "",
		},
		"redis": {
			v1.Config{Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"redis-server"}, WorkingDir: "/data", Volumes: map[string]struct{}{"/data": {}}, Env: []string{path}},
			[]entry{script("usr/local/bin/docker-entrypoint.sh", `if [ "$(id -u)" = 0 ]; then find . \! -user redis -exec chown redis '{}' +; exec su redis -s /bin/sh "$0" "$@"; fi`, `exec "$@"`),
				script("usr/local/bin/redis-server", `echo dump >dump.rdb`, `stat -c "%U %n" dump.rdb`), redisData, file("data/of-root", "")},
			[]string{"--read-only"}, nil, "redis dump.rdb", "",
		},
		"node": {
			v1.Config{Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"node"}, Env: []string{path}},
			[]entry{script("usr/local/bin/docker-entrypoint.sh", `if [ "${1#-}" != "$1" ] || [ -z "$(command -v "$1")" ]; then set -- node "$@"; fi`, `exec "$@"`),
				script("usr/local/bin/node", `echo "$(id -u) $HOME $@"`), nodeHome},
			[]string{"--user=node", "--workdir=/home/node"}, []string{"app.js", "1 + 1"}, "1000 /home/node app.js 1 + 1", "",
		},
		"python":  {v1.Config{Cmd: []string{"python3"}, Env: []string{"PATH=/usr/local/bin:/usr/bin", "LANG=C.UTF-8"}}, []entry{script("usr/local/bin/python3.1", `echo "$LANG $(readlink $0)"`), symlink("usr/local/bin/python3", "python3.1")}, nil, nil, "C.UTF-8 python3.1", ""},
		"busybox": {v1.Config{Cmd: []string{"sh"}, Env: []string{path}}, nil, nil, []string{"stat", "-c", "%h", "/bin/sh"}, "17", ""},
		"alpine":  {v1.Config{Cmd: []string{"/bin/sh"}, Env: []string{path}, WorkingDir: "/"}, nil, nil, nil, "", ""},
		"ubuntu":  {v1.Config{Cmd: []string{"/bin/bash"}, Labels: map[string]string{"org.opencontainers.image.version": "24.04"}}, nil, nil, nil, "", ""},
		"debian":  {v1.Config{Cmd: []string{"bash"}, Env: []string{path}}, nil, nil, []string{"readlink", "/bin"}, "usr/bin", ""},
	} {
		img := newImage(t, "", base)
		if len(image.files) > 0 {
			img = newImage(t, "", base, gzipLayer(t, image.files...))
		}
		img, err := mutate.Config(img, image.config)
		if err != nil {
			t.Fatal(err)
		}
		who := []string{harness.Root, harness.RootUserNS, harness.UserSubIDs}
		if strings.Contains(name, "nginx") || name == "httpd" {
			// In a user namespace they may not open the caller's pipe anew.
			who = who[:1]
		}
		t.Run(name, func(t *testing.T) {
			harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
				layout := writeLayout(t, c.Dir(), name, img)
				r := with(c, append([]string{"--image=oci:" + layout}, image.flags...), image.args...).Run()
				if got := r.Output(); got != image.want {
					t.Errorf("%s should print %q\n%s", name, image.want, r)
				}
				if !strings.HasSuffix(r.Stderr, image.stderr) {
					t.Errorf("%s should end stderr with %q\n%s", name, image.stderr, r)
				}
			}, who...)
		})
	}
}
