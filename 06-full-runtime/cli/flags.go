package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/spf13/pflag"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/store"
)

// parse understands the flags of `docker run` that it has, with their meaning, and
// some of its own.
func parse(args []string) (*Request, error) {
	r := &Request{Pull: "missing", Network: "host"}
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
	flags.Var(&choice{&r.Pull, []string{"missing", "always", "never"}}, "pull", "when to pull: missing, always or never")
	flags.StringVar(&r.Store, "store", "", "`DIR` where images are kept; also $CONTAINER_GO_STORE (default "+store.DefaultDir()+")")
	flags.BoolVar(&r.Images, "images", false, "list the images in the store, and run nothing")
	flags.Var(&choice{&r.Prune, []string{"unused", "all"}}, "prune", "remove layers that no image uses, and run nothing; =all also images that no container uses")
	flags.Lookup("prune").NoOptDefVal = "unused"
	flags.BoolVar(&r.Explain, "explain", false, "tell each step on stderr: the system call, and why")

	flags.BoolVar(&r.UserNS, "userns", false, "run in a user namespace, where root has no rights over the host; always so when not root")
	flags.StringVarP(&r.Hostname, "hostname", "h", ourHostname, "`NAME` of the container")
	env := flags.StringArrayP("env", "e", nil, "set `KEY=VALUE`, or pass on our own KEY")
	flags.StringVarP(&r.WorkDir, "workdir", "w", "", "run in `DIR`, which is made if need be")
	flags.StringVarP(&r.User, "user", "u", "", "run as `NAME|UID[:GROUP|GID]`")
	entrypoint := flags.String("entrypoint", "", "run `COMMAND` in place of the image's entrypoint and command")
	flags.VarP(&mounts{&r.Mounts, parseVolume}, "volume", "v", "show the host's SRC as DST: `SRC:DST[:OPTION,...]`, like ro")
	flags.Var(&mounts{&r.Mounts, parseTmpfs}, "tmpfs", "mount a tmpfs: `DIR[:OPTION,...]`")
	flags.BoolVar(&r.ReadOnly, "read-only", false, "mount the root filesystem read-only")
	flags.Var(&choice{&r.Network, []string{"host", "none"}}, "network", "host, or none, which has only lo")
	memory := flags.StringP("memory", "m", "", "limit memory to `SIZE`, like 512m or 1g, without swap beyond it")
	cpus := flags.Float64("cpus", 0, "limit processor time to `NUMBER` processors', like 0.5")
	pids := flags.Int64("pids-limit", 0, "limit processes, threads included, to `NUMBER`; -1 is no limit")
	flags.BoolVar(&r.Init, "init", false, "have an init of ours as PID 1, which forwards signals and reaps processes")
	interactive := flags.BoolP("interactive", "i", true, "keep stdin open, as is always done")
	flags.BoolVarP(&r.Terminal, "tty", "t", false, "give the container a terminal, as is done when we are at one")
	remove := flags.Bool("rm", true, "remove the container when it ends, as is always done")
	add := flags.StringSlice("cap-add", nil, "let programs have `CAPABILITY`, or ALL; root's default has 11")
	drop := flags.StringSlice("cap-drop", nil, "let no program have `CAPABILITY`, or ALL")
	flags.Var(&r.Security, "security-opt", "`OPTION`: seccomp=unconfined, systempaths=unconfined or no-new-privileges")
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	if flags.Changed("entrypoint") { // "" is none, and not the image's
		r.Entrypoint = entrypoint
	}
	if !flags.Changed("tty") {
		r.Terminal = AtTerminal()
	}
	r.Ref, r.Args = chosen.Ref, flags.Args()
	if (r.Images || r.Prune != "") && len(r.Args) > 0 {
		return r, fmt.Errorf("%q: --images and --prune run nothing, and a flag's value follows an =, as in --prune=all", r.Args[0])
	}
	if !*interactive || !*remove {
		return r, errors.New("-i and --rm cannot be turned off: stdin is always open, and a container is always removed")
	}
	if r.Store == "" {
		r.Store = store.DefaultDir()
	}
	if r.Store == "" {
		return r, &config.Failure{Name: "find a place for images", Err: errors.New("this user has no home directory")}
	}
	if r.WorkDir != "" && !path.IsAbs(r.WorkDir) {
		return r, fmt.Errorf("--workdir %s: not an absolute path", r.WorkDir)
	}
	if r.Hostname == "" {
		r.Hostname = ourHostname
	}
	if err := checkHostname(r.Hostname); err != nil {
		return r, err
	}
	var err error
	if r.Env, err = passOn(*env); err != nil {
		return r, err
	}
	if r.Capabilities, err = parseCapabilities(*add, *drop); err != nil {
		return r, err
	}
	if r.Limits, err = parseLimits(*memory, *cpus, *pids); err != nil {
		return r, err
	}
	r.Options, err = chosen.Options(Say)
	return r, err
}

// ourHostname is that of all lessons.
const ourHostname = "shadman-lab"

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
