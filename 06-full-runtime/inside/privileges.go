package inside

import (
	"errors"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// forbidPrivileges is the wall against setuid programs of the image: with it, a user
// who starts su or sudo stays that user. It is up only with --security-opt
// no-new-privileges, as in docker run. It cannot be taken down (PR_SET_NO_NEW_PRIVS(2const)).
func (p *pid1) forbidPrivileges() error {
	if !p.NoNewPrivs {
		return nil
	}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		var set int
		if set, err = unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && set != 1 {
			err = errors.New("it is not set")
		}
	}
	return explain.Step(err, "setuid programs and file capabilities have no effect", "prctl", "PR_SET_NO_NEW_PRIVS")
}
