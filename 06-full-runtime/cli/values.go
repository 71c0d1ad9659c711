package cli

import (
	"fmt"
	"slices"
	"strings"
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
