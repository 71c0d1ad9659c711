package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"example.com/container-go/06-full-runtime/config"
)

// The kinds of values that flags have beside those of package pflag.

// choice is a flag with a few possible values.
type choice struct {
	value *string
	among []string
}

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return "WHICH" }
func (c *choice) Set(s string) error {
	if !slices.Contains(c.among, s) {
		return fmt.Errorf("it is %s", strings.Join(c.among, " or "))
	}
	*c.value = s
	return nil
}

// mounts is a flag that adds a mount each time it is given.
type mounts struct {
	list  *[]config.Mount
	parse func(string) (config.Mount, error)
}

func (m *mounts) String() string { return "" }
func (m *mounts) Type() string   { return "MOUNT" }
func (m *mounts) Set(s string) error {
	parsed, err := m.parse(s)
	if err == nil && (!filepath.IsAbs(parsed.Target) || filepath.Clean(parsed.Target) == "/") {
		err = fmt.Errorf("%q is not an absolute path below /", parsed.Target)
	}
	*m.list = append(*m.list, parsed)
	return err
}

// parseVolume parses SRC:DST[:ro|:rw].
func parseVolume(spec string) (config.Mount, error) {
	fields := strings.Split(spec, ":")
	if len(fields) == 2 {
		fields = append(fields, "rw")
	}
	if len(fields) != 3 || fields[0] == "" || fields[2] != "ro" && fields[2] != "rw" {
		return config.Mount{}, fmt.Errorf("not of the form SRC:DST[:ro]")
	}
	if !strings.Contains(fields[0], "/") && fields[0] != "." && fields[0] != ".." {
		return config.Mount{}, &config.Failure{Name: "parse a volume", Err: fmt.Errorf("%q is not a path", fields[0])}
	}
	source, err := filepath.Abs(fields[0])
	return config.Mount{Source: source, Target: fields[1], ReadOnly: fields[2] == "ro"}, err
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
