package container

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// setHostname is lesson 1: it names the UTS namespace that clone(2) gave us.
func setHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("sethostname %s: %w", name, err)
	}
	return nil
}
