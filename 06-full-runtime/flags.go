package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/container"
)

// request is what the command line asks for. A pointer is nil where the image is
// to decide.
type request struct {
	ref     string
	options image.Options

	userNS     bool
	hostname   string
	env        []string
	workDir    *string
	user       *string
	entrypoint *string
	readOnly   bool
	terminal   bool
	noNetwork  bool
	mounts     []container.Mount
	limits     cgroup.Limits
	args       []string
}

// parse understands the flags of `docker run` that it has, with their meaning.
func parse(args []string) (request, error) {
	var r request
	flags := pflag.NewFlagSet("06-full-runtime", pflag.ContinueOnError)
	flags.SortFlags = false
	// What follows the first argument that is not a flag is the command's.
	flags.SetInterspersed(false)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "Usage: 06-full-runtime [flags] [COMMAND [ARG...]]\n%s", flags.FlagUsages())
	}
	chosen := image.AddFlags(flags)
	flags.BoolVar(&r.userNS, "userns", false, "run in a user namespace, where root has no rights over the host; always so when not root")
	flags.StringVarP(&r.hostname, "hostname", "h", "shadman-lab", "`NAME` of the container")
	env := flags.StringArrayP("env", "e", nil, "set `KEY=VALUE`, or pass on our own KEY")
	r.workDir = flags.StringP("workdir", "w", "", "run in `DIR`, which is made if need be")
	r.user = flags.StringP("user", "u", "", "run as `NAME|UID[:GROUP|GID]`")
	r.entrypoint = flags.String("entrypoint", "", "run `COMMAND` in place of the image's entrypoint and command")
	volumes := flags.StringArrayP("volume", "v", nil, "show the host's SRC as DST: `SRC:DST[:ro]`")
	tmpfs := flags.StringArray("tmpfs", nil, "mount a tmpfs: `DIR[:OPTION,...]`")
	flags.BoolVar(&r.readOnly, "read-only", false, "mount the root filesystem read-only")
	network := flags.String("network", "host", "`host` or none, which has only lo")
	memory := flags.StringP("memory", "m", "", "limit memory to `SIZE`, like 512m or 1g, without swap beyond it")
	cpus := flags.Float64("cpus", 0, "limit processor time to `NUMBER` processors', like 0.5")
	pids := flags.Int64("pids-limit", 0, "limit processes, threads included, to `NUMBER`; -1 is no limit")
	flags.BoolP("interactive", "i", true, "keep stdin open, as is always done")
	flags.BoolVarP(&r.terminal, "tty", "t", false, "give the container a terminal, as is done when we are at one")
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	for name, value := range map[string]**string{"workdir": &r.workDir, "user": &r.user, "entrypoint": &r.entrypoint} {
		if !flags.Changed(name) {
			*value = nil
		}
	}
	r.ref, r.args = chosen.Ref, flags.Args()
	r.env = passOn(*env)
	switch *network {
	case "host":
	case "none":
		r.noNetwork = true
	default:
		return r, fmt.Errorf("--network %s: only host and none are there", *network)
	}
	for _, spec := range *tmpfs {
		r.mounts = append(r.mounts, parseTmpfs(spec))
	}
	for _, spec := range *volumes {
		m, err := parseVolume(spec)
		if err != nil {
			return r, err
		}
		r.mounts = append(r.mounts, m)
	}
	for _, m := range r.mounts {
		if !filepath.IsAbs(m.Target) || filepath.Clean(m.Target) == "/" {
			return r, fmt.Errorf("mount on %q: not an absolute path below /", m.Target)
		}
	}
	var err error
	if r.limits, err = parseLimits(*memory, *cpus, *pids); err != nil {
		return r, err
	}
	r.options, err = chosen.Options(say)
	return r, err
}

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

// parseVolume parses SRC:DST[:ro|:rw].
func parseVolume(spec string) (container.Mount, error) {
	fields := strings.Split(spec, ":")
	if len(fields) == 2 {
		fields = append(fields, "rw")
	}
	if len(fields) != 3 || fields[0] == "" || fields[2] != "ro" && fields[2] != "rw" {
		return container.Mount{}, fmt.Errorf("volume %q: not of the form SRC:DST[:ro]", spec)
	}
	if !strings.Contains(fields[0], "/") && fields[0] != "." && fields[0] != ".." {
		return container.Mount{}, fmt.Errorf("volume %q: there are no named volumes\nSRC is a path, ./%s perhaps", spec, fields[0])
	}
	source, err := filepath.Abs(fields[0])
	return container.Mount{Source: source, Target: fields[1], ReadOnly: fields[2] == "ro"}, err
}

// parseTmpfs parses DIR[:OPTION,...], with the options of mount(8).
func parseTmpfs(spec string) container.Mount {
	m := container.Mount{Tmpfs: true}
	var options string
	m.Target, options, _ = strings.Cut(spec, ":")
	for option := range strings.SplitSeq(options, ",") {
		if option != "" {
			m.Options = append(m.Options, option)
		}
	}
	return m
}
