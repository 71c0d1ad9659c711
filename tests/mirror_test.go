package tests

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"example.com/container-go/tests/harness"
)

// The classroom of tests/classroom/README.md: Docker Hub, a mirror, and ten
// attendees who reach the mirror and nothing else. Each is in a network namespace
// of its own. Docker Hub is played by another registry.
const (
	hubAddress    = "10.20.1.1"
	mirrorOutside = "10.20.1.2" // the mirror's, on the way to Docker Hub
	mirrorAddress = "10.20.0.1"
	attendees     = 10
)

func TestClassroomMirror(t *testing.T) {
	classroom(t)
	img := roomImage(t)
	layer := layerDigest(t, img)

	hub := startRegistry(t, registryConfig(t, withoutProxy))
	hub.push(t, "library/alpine:latest", img)
	mirror := startRegistry(t, registryConfig(t, "http://"+hubAddress+":5000"), func(n *netns) {
		cable(hub.netns, hubAddress, n, mirrorOutside)
	})
	room := fill(t, mirror)

	t.Run("pull-through", func(t *testing.T) {
		// The first pull is the instructor's, before the others come.
		room.pull(t, room.attendees[:1])
		mirror.await(t, img)
		// Docker Hub counts the manifests that are fetched, and not the question,
		// HEAD, whether a tag has another one now.
		asked := hub.logged(`"GET /v2/library/`)
		room.pull(t, room.attendees)
		room.run(t, room.attendees)
		if n := hub.logged(`"GET /v2/library/`) - asked; n != 0 {
			t.Errorf("after the first pull, the room has fetched something from Docker Hub %d times", n)
		}
		if n := hub.logged(`"GET /v2/library/alpine/manifests/`); n != 1 {
			t.Errorf("for the first pull, the mirror has fetched %d manifests from Docker Hub, want 1", n)
		}
		if t.Failed() {
			log, _ := os.ReadFile(hub.dir + "/log")
			t.Logf("what Docker Hub's stand-in was asked for:\n%s", log)
		}
		for _, a := range room.attendees {
			if mirror.logged(regexp.QuoteMeta(a.address)+` .*"GET /v2/library/alpine/blobs/`+layer+`[^"]*" 200`) == 0 {
				t.Errorf("the mirror has given %s no layer", a.address)
			}
		}
	})
	t.Run("Docker Hub gone", func(t *testing.T) {
		hub.stop()
		room.pull(t, room.attendees)
	})
	t.Run("no other network", func(t *testing.T) {
		harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
			cmd := pull(c)
			cmd.Under = room.attendees[0].enter()
			refused(t, cmd.Run(), "no connection to index.docker.io")
		}, harness.Root)
	})
}

// A registry that was filled before, and asks nobody, is a mirror too.
func TestClassroomFilledMirror(t *testing.T) {
	classroom(t)
	mirror := startRegistry(t, registryConfig(t, withoutProxy))
	mirror.push(t, "library/alpine:latest", roomImage(t))
	room := fill(t, mirror)
	room.pull(t, room.attendees)
	room.run(t, room.attendees)
	harness.Beside(t, "tests/doctor", func(t *testing.T, c *harness.Case) {
		e := examine(t, c).env("CONTAINER_GO_MIRROR=http://" + mirrorAddress + ":5000")
		e.Under = room.attendees[0].enter()
		e.ask(t).says("registry", "fine", mirrorAddress)
	}, harness.Root)
}

// roomImage has a shell and a file to know it by.
func roomImage(t *testing.T) v1.Image {
	t.Helper()
	lab, err := labLayer()
	if err != nil {
		t.Fatal(err)
	}
	return newImage(t, "", lab, gzipLayer(t, file("etc/room", "hello, room\n")))
}

// classroom skips where there can be none.
func classroom(t *testing.T) {
	t.Helper()
	if harness.Graded() {
		t.Skip("-program is another program")
	}
	if os.Geteuid() != 0 {
		t.Skip("laying cables takes root")
	}
	if harness.Prebuilt() {
		t.Skip("tests/vm/run takes other kernels along, and no registry")
	}
	for program, packageName := range map[string]string{"docker-registry": "docker-registry", "ip": "iproute2", "nsenter": "util-linux"} {
		if _, err := exec.LookPath(program); err != nil {
			harness.Skip(t, "there is no "+program, "sudo apt-get install "+packageName)
		}
	}
}

// attendee is one who reaches the mirror only.
type attendee struct {
	*netns
	address string
}

type room struct{ attendees []attendee }

// fill seats the attendees around the mirror.
func fill(t *testing.T, mirror *debianRegistry) *room {
	t.Helper()
	r := &room{}
	for i := range attendees {
		a := attendee{newNetns(t), fmt.Sprintf("10.20.0.%d", 11+i)}
		cable(mirror.netns, mirrorAddress, a.netns, a.address)
		r.attendees = append(r.attendees, a)
	}
	return r
}

// pull has them pull the image with lesson 5, all at once.
func (r *room) pull(t *testing.T, who []attendee) {
	t.Helper()
	harness.Only(t, lesson5, func(t *testing.T, c *harness.Case) {
		var running []*harness.Process
		for _, a := range who {
			cmd := pull(c, "--image=alpine")
			cmd.Env = []string{"CONTAINER_GO_MIRROR=http://" + mirrorAddress + ":5000"}
			cmd.Under = a.enter()
			running = append(running, cmd.Start())
		}
		got := 0
		for _, p := range running {
			wantFile(t, pulled(t, p.Wait()), "etc/room", "hello, room\n")
			got++
		}
		if got != len(who) {
			t.Errorf("%d of %d have the image", got, len(who))
		}
	}, harness.Root)
}

// run has them run it with lesson 6, all at once.
func (r *room) run(t *testing.T, who []attendee) {
	t.Helper()
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		var running []*harness.Process
		for _, a := range who {
			cmd := c.Command("cat", "/etc/room")
			// Each has a store of their own, in which nothing is yet.
			cmd.Flags = []string{"--mirror=http://" + mirrorAddress + ":5000", "--image=alpine", "--store=" + c.Dir()}
			cmd.Under = a.enter()
			running = append(running, cmd.Start())
		}
		for i, p := range running {
			if got := p.Wait().Output(); got != "hello, room" {
				t.Errorf("attendee %d ran another image: %q", i+1, got)
			}
		}
	}, harness.Root)
}

// debianRegistry is CNCF's distribution in a namespace.
type debianRegistry struct {
	*netns
	dir  string
	stop func()
}

const withoutProxy = ""

// registryConfig is the configuration that the page shows, with another place for
// the files and another upstream, or none.
func registryConfig(t *testing.T, upstream string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(harness.Workspace(t), "tests/classroom/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, config, found := strings.Cut(string(page), "<!-- mirror.yml -->\n```yaml\n")
	config, _, closed := strings.Cut(config, "```")
	if !found || !closed {
		t.Fatal("tests/classroom/README.md shows no mirror.yml")
	}
	const dockerHub = "remoteurl: https://registry-1.docker.io\n"
	if strings.Count(config, dockerHub) != 1 || strings.Count(config, "rootdirectory: ") != 1 {
		t.Fatalf("mirror.yml has another upstream than Docker Hub, or no place for its files:\n%s", config)
	}
	if upstream == withoutProxy {
		config, _, _ = strings.Cut(config, "proxy:\n")
		return config
	}
	return strings.Replace(config, dockerHub, "remoteurl: "+upstream+"\n", 1)
}

// startRegistry starts one, whose namespace may need cables first.
func startRegistry(t *testing.T, config string, prepare ...func(*netns)) *debianRegistry {
	t.Helper()
	r := &debianRegistry{netns: newNetns(t), dir: t.TempDir()}
	for _, f := range prepare {
		f(r.netns)
	}
	config = regexp.MustCompile(`rootdirectory: .*`).ReplaceAllLiteralString(config, "rootdirectory: "+r.dir+"/data")
	writeFile(t, r.dir+"/mirror.yml", config)
	log, err := os.Create(r.dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	argv := r.enter("docker-registry", "serve", r.dir+"/mirror.yml")
	server := exec.Command(argv[0], argv[1:]...)
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	r.stop = func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}
	t.Cleanup(r.stop)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := r.dial(context.Background(), "tcp", "127.0.0.1:5000")
		if err == nil {
			conn.Close()
			return r
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(r.dir + "/log")
			t.Fatalf("docker-registry does not answer: %v\n%s", err, said)
		}
	}
}

func (r *debianRegistry) push(t *testing.T, repository string, img v1.Image) {
	t.Helper()
	ref, err := name.ParseReference("127.0.0.1:5000/" + repository)
	if err == nil {
		err = remote.Write(ref, img, remote.WithTransport(&http.Transport{DialContext: r.dial, DisableKeepAlives: true}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until the registry has stored all of an image, which it does after
// it has passed it on.
func (r *debianRegistry) await(t *testing.T, img v1.Image) {
	t.Helper()
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	blobs := []v1.Hash{digest, manifest.Config.Digest}
	for _, layer := range manifest.Layers {
		blobs = append(blobs, layer.Digest)
	}
	deadline := time.Now().Add(20 * time.Second)
	for _, blob := range blobs {
		path := filepath.Join(r.dir, "data/docker/registry/v2/blobs/sha256", blob.Hex[:2], blob.Hex, "data")
		for !exists(path) {
			if time.Now().After(deadline) {
				t.Fatalf("the mirror does not keep %s", blob)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// logged counts the requests in the log that match a pattern.
func (r *debianRegistry) logged(pattern string) int {
	log, _ := os.ReadFile(r.dir + "/log")
	return len(regexp.MustCompile(`(?m)^.*`+pattern).FindAll(log, -1))
}
