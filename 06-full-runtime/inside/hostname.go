package inside

import (
	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// setHostname is lesson 1: it names the UTS namespace that clone(2) gave us.
func (p *pid1) setHostname() error {
	name := p.Hostname
	return explain.Step(unix.Sethostname([]byte(name)), "lesson 1: the name of our UTS namespace", "sethostname", "%s", name)
}
