package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// Security is what --security-opt takes from the walls, or adds to them. It is a flag's
// value.
type Security struct {
	Unfiltered bool // no seccomp filter
	Unmasked   bool // nothing of /proc and /sys is covered
	NoNewPrivs bool
}

// Set understands the options of docker run that have a meaning without AppArmor and
// SELinux. Docker also accepts a colon in place of the equals sign.
func (s *Security) Set(option string) error {
	name, value, hasValue := strings.Cut(option, "=")
	if !hasValue {
		name, value, hasValue = strings.Cut(option, ":")
	}
	if name == "no-new-privileges" {
		if !hasValue {
			value = "true"
		}
		on, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("%s is neither true nor false", value)
		}
		s.NoNewPrivs = on
		return nil
	}
	switch name + "=" + value {
	case "seccomp=unconfined":
		s.Unfiltered = true
	case "seccomp=builtin":
		s.Unfiltered = false
	case "systempaths=unconfined":
		s.Unmasked = true
	case "apparmor=unconfined", "label=disable": // as is always so
	default:
		return fmt.Errorf("of docker run's options there are here: seccomp=unconfined, systempaths=unconfined, no-new-privileges")
	}
	return nil
}

// String and Type are for the flag's help.
func (s *Security) String() string { return "" }
func (s *Security) Type() string   { return "OPTION" }
