package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"example.com/container-go/06-full-runtime/config"
)

// mounts is a flag that adds a mount each time it is given.
type mounts struct {
	list  *[]config.Mount
	parse func(string) (config.Mount, error)
}

func (m *mounts) String() string { return "" }
func (m *mounts) Type() string   { return "MOUNT" }
func (m *mounts) Set(s string) error {
	parsed, err := m.parse(s)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(parsed.Target) || filepath.Clean(parsed.Target) == "/" {
		return fmt.Errorf("%q is not an absolute path below /", parsed.Target)
	}
	for i, other := range *m.list {
		if filepath.Clean(other.Target) != filepath.Clean(parsed.Target) {
			continue
		}
		if other.Tmpfs && parsed.Tmpfs || reflect.DeepEqual(other, parsed) {
			(*m.list)[i] = parsed // the last one counts, as in docker run
			return nil
		}
		return fmt.Errorf("two mounts have the target %s", parsed.Target)
	}
	*m.list = append(*m.list, parsed)
	return nil
}

// parseVolume parses SRC:DST[:OPTION,...], with the options of docker run.
func parseVolume(spec string) (config.Mount, error) {
	fields := strings.Split(spec, ":")
	if len(fields) < 2 || len(fields) > 3 || fields[0] == "" || fields[len(fields)-1] == "" {
		return config.Mount{}, errors.New("not of the form SRC:DST[:OPTION,...]")
	}
	m := config.Mount{Target: fields[1]}
	if len(fields) == 3 {
		if err := volumeOptions(&m, fields[2]); err != nil {
			return m, err
		}
	}
	if !strings.Contains(fields[0], "/") && fields[0] != "." && fields[0] != ".." {
		return m, &config.Failure{Name: "parse a volume", Err: fmt.Errorf("%q is not a path", fields[0])}
	}
	var err error
	m.Source, err = filepath.Abs(fields[0])
	return m, err
}

// volumeOptions are those that docker run has. Those that mean nothing here are
// accepted: there is no SELinux label to change (z, Z), no virtual machine with a cache
// between it and the host (cached and the like), and no volume whose content would be
// copied (nocopy).
func volumeOptions(m *config.Mount, options string) error {
	kinds := map[string]string{}
	for option := range strings.SplitSeq(options, ",") {
		kind := option
		switch option {
		case "ro", "rw":
			kind, m.ReadOnly = "ro and rw", option == "ro"
		case "private", "rprivate", "slave", "rslave":
			kind, m.Slave = "private, rprivate, slave and rslave", strings.HasSuffix(option, "slave")
		case "z", "Z":
			kind = "z and Z"
		case "cached", "delegated", "consistent":
			kind = "cached, delegated and consistent"
		case "nocopy":
		case "shared", "rshared":
			return fmt.Errorf("%s: what the container mounts would appear on the host", option)
		case "U":
			return fmt.Errorf("%s: it would change the owner of the host's files: use chown(1), or --user", option)
		default:
			return fmt.Errorf("%q is not an option of a volume, like ro", option)
		}
		if kinds[kind] != "" {
			return fmt.Errorf("%s and %s: only one of %s is possible", kinds[kind], option, kind)
		}
		kinds[kind] = option
	}
	return nil
}

// parseTmpfs parses DIR[:OPTION,...], with the options of mount(8).
func parseTmpfs(spec string) (config.Mount, error) {
	m := config.Mount{Tmpfs: true}
	var options string
	m.Target, options, _ = strings.Cut(spec, ":")
	for option := range strings.SplitSeq(options, ",") {
		if option != "" {
			m.Options = append(m.Options, option)
		}
	}
	return m, nil
}
