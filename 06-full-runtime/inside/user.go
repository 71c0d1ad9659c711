package inside

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/userns"
)

// lookUpUser finds the user in the image's /etc/passwd and /etc/group. A number
// need not be in there; a name must.
func (p *pid1) lookUpUser() error {
	name := p.User
	if name == "" {
		name = "0"
	}
	passwd, err := readAccounts("/etc/passwd", 2, 3)
	if err != nil {
		return err
	}
	group, err := readAccounts("/etc/group", 2)
	if err != nil {
		return err
	}
	u, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, passwd, group)
	if err != nil {
		return fmt.Errorf("user %q: %w", name, err)
	}
	p.user = u
	return userns.Check(u.Uid, u.Gid, p.moreIDs())
}

func (p *pid1) moreIDs() [2]userns.Line {
	return [2]userns.Line{userns.Line(p.MoreIDs[0]), userns.Line(p.MoreIDs[1])}
}

// becomeUser gives up being root, if the user is another.
func (p *pid1) becomeUser() error {
	u := p.user
	// Where setgroups is denied we keep our groups; it is why it is denied.
	denied, _ := os.ReadFile("/proc/self/setgroups")
	if strings.TrimSpace(string(denied)) != "deny" {
		groups := u.Sgids
		if !slices.Contains(groups, u.Gid) {
			groups = append(groups, u.Gid)
		}
		if err := explain.Step(syscall.Setgroups(groups), "the user's groups, and none of ours", "setgroups", "%v", groups); err != nil {
			for _, gid := range groups { // one of which may be why
				if err := userns.Check(0, gid, p.moreIDs()); err != nil {
					return err
				}
			}
			return err
		}
	}
	if err := explain.Step(syscall.Setgid(u.Gid), "the user's own group", "setgid", "%d", u.Gid); err != nil {
		return err
	}
	// A change of user clears our capabilities, if we do not keep them until execve.
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_KEEPCAPS: %w", err)
	}
	if err := explain.Step(syscall.Setuid(u.Uid), "the user that the image or --user names", "setuid", "%d", u.Uid); err != nil {
		return err
	}
	return p.keepCapabilities()
}
