package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/container"
	"example.com/container-go/06-full-runtime/store"
)

// request is what the command line asks for. A pointer is nil where the image is
// to decide.
type request struct {
	ref     string
	options image.Options
	store   string // directory
	pull    string // missing, always or never

	images  bool   // list them, and run nothing
	prune   string // unused or all: remove that, and run nothing
	explain bool

	userNS     bool
	hostname   string
	env        []string
	workDir    *string
	user       *string
	entrypoint *string
	readOnly   bool
	init       bool
	terminal   bool
	network    string // host or none
	mounts     []container.Mount
	limits     cgroup.Limits
	args       []string
}

// parse understands the flags of `docker run` that it has, with their meaning, and
// some of its own.
func parse(args []string) (request, error) {
	r := request{pull: "missing", network: "host"}
	flags := pflag.NewFlagSet("06-full-runtime", pflag.ContinueOnError)
	flags.SortFlags = false
	// What follows the first argument that is not a flag is the command's.
	flags.SetInterspersed(false)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "Usage: 06-full-runtime [flags] [COMMAND [ARG...]]\n%s", flags.FlagUsages())
	}

	chosen := image.AddFlags(flags)
	flags.Var(&choice{&r.pull, []string{"missing", "always", "never"}}, "pull", "when to pull: missing, always or never")
	flags.StringVar(&r.store, "store", "", "`DIR` where images are kept; also $CONTAINER_GO_STORE (default "+store.DefaultDir()+")")
	flags.BoolVar(&r.images, "images", false, "list the images in the store, and run nothing")
	flags.Var(&choice{&r.prune, []string{"unused", "all"}}, "prune", "remove layers that no image uses, and run nothing; =all also images that no container uses")
	flags.Lookup("prune").NoOptDefVal = "unused"
	flags.BoolVar(&r.explain, "explain", false, "tell each step on stderr: the system call, and why")

	flags.BoolVar(&r.userNS, "userns", false, "run in a user namespace, where root has no rights over the host; always so when not root")
	flags.StringVarP(&r.hostname, "hostname", "h", "shadman-lab", "`NAME` of the container")
	env := flags.StringArrayP("env", "e", nil, "set `KEY=VALUE`, or pass on our own KEY")
	flags.VarP(&optional{&r.workDir, "DIR"}, "workdir", "w", "run in `DIR`, which is made if need be")
	flags.VarP(&optional{&r.user, "USER"}, "user", "u", "run as `NAME|UID[:GROUP|GID]`")
	flags.Var(&optional{&r.entrypoint, "COMMAND"}, "entrypoint", "run `COMMAND` in place of the image's entrypoint and command")
	flags.VarP(&mounts{&r.mounts, parseVolume}, "volume", "v", "show the host's SRC as DST: `SRC:DST[:ro]`")
	flags.Var(&mounts{&r.mounts, parseTmpfs}, "tmpfs", "mount a tmpfs: `DIR[:OPTION,...]`")
	flags.BoolVar(&r.readOnly, "read-only", false, "mount the root filesystem read-only")
	flags.Var(&choice{&r.network, []string{"host", "none"}}, "network", "host, or none, which has only lo")
	memory := flags.StringP("memory", "m", "", "limit memory to `SIZE`, like 512m or 1g, without swap beyond it")
	cpus := flags.Float64("cpus", 0, "limit processor time to `NUMBER` processors', like 0.5")
	pids := flags.Int64("pids-limit", 0, "limit processes, threads included, to `NUMBER`; -1 is no limit")
	flags.BoolVar(&r.init, "init", false, "have an init of ours as PID 1, which forwards signals and reaps processes")
	flags.BoolP("interactive", "i", true, "keep stdin open, as is always done")
	flags.BoolVarP(&r.terminal, "tty", "t", false, "give the container a terminal, as is done when we are at one")
	flags.Bool("rm", true, "remove the container when it ends, as is always done")
	for _, name := range withoutEffect {
		flags.StringArray(name, nil, "without effect as yet")
	}
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	for _, name := range withoutEffect {
		if flags.Changed(name) {
			say("--" + name + " is without effect as yet")
		}
	}
	r.ref, r.args = chosen.Ref, flags.Args()
	r.env = passOn(*env)
	if r.store == "" {
		r.store = store.DefaultDir()
	}
	var err error
	if r.limits, err = parseLimits(*memory, *cpus, *pids); err != nil {
		return r, err
	}
	r.options, err = chosen.Options(say)
	return r, err
}

// withoutEffect are flags that we take and do not heed.
var withoutEffect = []string{"cap-add", "cap-drop", "security-opt"}

// passOn gives a KEY without a value our own one. If we have none, nor does the
// container.
func passOn(env []string) []string {
	var set []string
	for _, kv := range env {
		if !strings.Contains(kv, "=") {
			value, ok := os.LookupEnv(kv)
			if !ok {
				continue
			}
			kv += "=" + value
		}
		set = append(set, kv)
	}
	return set
}
