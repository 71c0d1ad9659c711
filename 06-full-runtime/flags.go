package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode"

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
	workDir    string
	user       string
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
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "net" { // as docker run calls it too
			name = "network"
		}
		return pflag.NormalizedName(name)
	})
	flags.Usage = func() {
		fmt.Fprintf(os.Stdout, "Usage: 06-full-runtime [flags] [COMMAND [ARG...]]\n%s", flags.FlagUsages())
	}

	chosen := image.AddFlags(flags)
	flags.Var(&choice{&r.pull, []string{"missing", "always", "never"}}, "pull", "when to pull: missing, always or never")
	flags.StringVar(&r.store, "store", "", "`DIR` where images are kept; also $CONTAINER_GO_STORE (default "+store.DefaultDir()+")")
	flags.BoolVar(&r.images, "images", false, "list the images in the store, and run nothing")
	flags.Var(&choice{&r.prune, []string{"unused", "all"}}, "prune", "remove layers that no image uses, and run nothing; =all also images that no container uses")
	flags.Lookup("prune").NoOptDefVal = "unused"
	flags.BoolVar(&r.explain, "explain", false, "tell each step on stderr: the system call, and why")

	flags.BoolVar(&r.userNS, "userns", false, "run in a user namespace, where root has no rights over the host; always so when not root")
	flags.StringVarP(&r.hostname, "hostname", "h", ourHostname, "`NAME` of the container")
	env := flags.StringArrayP("env", "e", nil, "set `KEY=VALUE`, or pass on our own KEY")
	flags.StringVarP(&r.workDir, "workdir", "w", "", "run in `DIR`, which is made if need be")
	flags.StringVarP(&r.user, "user", "u", "", "run as `NAME|UID[:GROUP|GID]`")
	entrypoint := flags.String("entrypoint", "", "run `COMMAND` in place of the image's entrypoint and command")
	flags.VarP(&mounts{&r.mounts, parseVolume}, "volume", "v", "show the host's SRC as DST: `SRC:DST[:ro]`")
	flags.Var(&mounts{&r.mounts, parseTmpfs}, "tmpfs", "mount a tmpfs: `DIR[:OPTION,...]`")
	flags.BoolVar(&r.readOnly, "read-only", false, "mount the root filesystem read-only")
	flags.Var(&choice{&r.network, []string{"host", "none"}}, "network", "host, or none, which has only lo")
	memory := flags.StringP("memory", "m", "", "limit memory to `SIZE`, like 512m or 1g, without swap beyond it")
	cpus := flags.Float64("cpus", 0, "limit processor time to `NUMBER` processors', like 0.5")
	pids := flags.Int64("pids-limit", 0, "limit processes, threads included, to `NUMBER`; -1 is no limit")
	flags.BoolVar(&r.init, "init", false, "have an init of ours as PID 1, which forwards signals and reaps processes")
	interactive := flags.BoolP("interactive", "i", true, "keep stdin open, as is always done")
	flags.BoolVarP(&r.terminal, "tty", "t", false, "give the container a terminal, as is done when we are at one")
	remove := flags.Bool("rm", true, "remove the container when it ends, as is always done")
	for _, name := range withoutEffect {
		flags.StringArray(name, nil, "`OPTION` without effect as yet")
	}
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	for _, name := range withoutEffect {
		if flags.Changed(name) {
			say("--" + name + " is without effect as yet")
		}
	}
	if flags.Changed("entrypoint") { // "" is none, and not the image's
		r.entrypoint = entrypoint
	}
	if !flags.Changed("tty") {
		r.terminal = container.AtTerminal()
	}
	r.ref, r.args = chosen.Ref, flags.Args()
	if (r.images || r.prune != "") && len(r.args) > 0 {
		return r, fmt.Errorf("%q: --images and --prune run nothing, and a flag's value follows an =, as in --prune=all", r.args[0])
	}
	if !*interactive || !*remove {
		return r, errors.New("-i and --rm cannot be turned off: stdin is always open, and a container is always removed")
	}
	if r.store == "" {
		r.store = store.DefaultDir()
	}
	if r.store == "" {
		return r, errors.New("this user has no home directory: choose a place for images with --store DIR")
	}
	if r.workDir != "" && !path.IsAbs(r.workDir) {
		return r, fmt.Errorf("--workdir %s: not an absolute path", r.workDir)
	}
	if r.hostname == "" {
		r.hostname = ourHostname
	}
	if err := checkHostname(r.hostname); err != nil {
		return r, err
	}
	var err error
	if r.env, err = passOn(*env); err != nil {
		return r, err
	}
	if r.limits, err = parseLimits(*memory, *cpus, *pids); err != nil {
		return r, err
	}
	r.options, err = chosen.Options(say)
	return r, err
}

// ourHostname is that of all lessons.
const ourHostname = "shadman-lab"

// withoutEffect are flags that we take and do not heed.
var withoutEffect = []string{"cap-add", "cap-drop", "security-opt"}

// passOn gives a KEY without a value our own one. If we have none it stays alone, and
// the container does not have it either, whatever the image says.
func passOn(env []string) ([]string, error) {
	var set []string
	for _, kv := range env {
		key, _, hasValue := strings.Cut(kv, "=")
		if key == "" {
			return nil, fmt.Errorf("--env %q: there is no KEY", kv)
		}
		if value, ok := os.LookupEnv(key); !hasValue && ok {
			kv += "=" + value
		}
		set = append(set, kv)
	}
	return set, nil
}

// checkHostname refuses what cannot stand in /etc/hosts, or is longer than the kernel
// takes (sethostname(2)).
func checkHostname(name string) error {
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("--hostname %q: not a name of at most 64 letters", name)
	}
	return nil
}
