package harness

import (
	"fmt"
	"os/exec"
)

// InUserNS prepares a command of the host that runs in a process's user namespace,
// as its root, and in no other namespace of it.
func (c *Case) InUserNS(pid int, argv ...string) *exec.Cmd {
	c.t.Helper()
	if c.Identity.Name != Root {
		enter := []string{"nsenter", "-U", "-t", fmt.Sprint(pid)}
		if c.Identity.IsUser() {
			enter = append(enter, "--preserve-credentials") // who we are is root there
		} else {
			enter = append(enter, "-S", "0", "-G", "0")
		}
		argv = append(append(enter, "--"), argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = c.Identity.attr()
	cmd.Dir = "/"
	return cmd
}
