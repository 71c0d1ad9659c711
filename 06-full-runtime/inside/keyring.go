package inside

import (
	"errors"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
)

// leaveKeyring gives the container a session keyring of its own. No namespace keeps
// keys apart: with the keyring of the session that we were started in, the container
// would have the keys in it, a Kerberos ticket perhaps (session-keyring(7)).
func leaveKeyring() error {
	// Without a name it is a new one. One of that name could be somebody's already.
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	if errors.Is(err, unix.ENOSYS) {
		return nil // a kernel without keys
	}
	return explain.Step(err, "no keys of whoever started us", "keyctl", "KEYCTL_JOIN_SESSION_KEYRING")
}
