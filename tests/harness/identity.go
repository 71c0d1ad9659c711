package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Identity is who runs a program.
type Identity struct {
	Name  string // root, root-userns, user or user-subids
	Flags []string
	uid   int // to become, or -1
}

// The identities' names, for tests that are for some of them only.
const (
	Root       = "root"
	RootUserNS = "root-userns" // root, with --userns
	User       = "user"        // an ordinary user
	UserSubIDs = "user-subids" // an ordinary user who has subordinate ids
)

// spareUser is an id that no account has. Root becomes it for the ordinary
// user's half of the tests.
const spareUser = 12345

// subIDsUser is another, who has an account and subordinate ids on the stand-in host.
const subIDsUser = 12346

// identities are those that the machine has: an ordinary user has but one.
func (l *Lesson) identities() []Identity {
	if os.Geteuid() != 0 {
		return []Identity{{Name: User, uid: -1}}
	}
	ids := []Identity{{Name: Root, uid: -1}}
	if l.MakesUserNS {
		ids = append(ids, Identity{Name: RootUserNS, uid: -1, Flags: []string{"--userns"}},
			Identity{Name: UserSubIDs, uid: subIDsUser})
	}
	return append(ids, Identity{Name: User, uid: spareUser})
}

// IsUser tells whether this is an ordinary user.
func (id Identity) IsUser() bool { return id.Name == User || id.Name == UserSubIDs }

// require skips a test that this identity cannot run here.
func (id Identity) require(t *testing.T) {
	t.Helper()
	if id.Name == Root {
		if standInError != nil {
			Skip(t, "this root may make no namespaces: "+standInError.Error(),
				"run the tests on a machine of your own, or in a container started with --privileged")
		}
		return
	}
	if id.uid > 0 && !hasSpareUser() {
		Skip(t, "this user namespace has no other user than root", "run the tests outside of it")
	}
	if id.Name == UserSubIDs {
		if _, err := exec.LookPath("newuidmap"); err != nil || accountError != nil {
			Skip(t, fmt.Sprintf("no subordinate ids: %v", errors.Join(err, accountError)), "install newuidmap and newgidmap: the package uidmap, or shadow-utils")
		}
	}
	if err := userNS(id); err != nil {
		Skip(t, "`unshare -r` does not work: "+err.Error(),
			"allow user namespaces; which setting forbids them, and the command that allows them, tells "+doctor)
	}
}

var hasSpareUser = sync.OnceValue(func() bool {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = Identity{uid: spareUser}.attr()
	return cmd.Run() == nil
})

var userNSErrors sync.Map // by identity's uid

// userNS tries what the lessons need: a user namespace, and a mount in it, which
// is what some machines forbid.
func userNS(id Identity) error {
	try := sync.OnceValue(func() error {
		cmd := exec.Command("unshare", "-r", "-m", "true")
		cmd.SysProcAttr = id.attr()
		cmd.Dir = "/"
		output, err := cmd.CombinedOutput()
		if err != nil && len(output) > 0 {
			return errors.New(strings.TrimSpace(string(output)))
		}
		return err
	})
	cached, _ := userNSErrors.LoadOrStore(id.uid, try)
	return cached.(func() error)()
}

// attr has a process start as this identity, in a session of its own: what a
// test sends to the program's process group must not reach us.
func (id Identity) attr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if id.uid > 0 {
		attr.Credential = &syscall.Credential{Uid: uint32(id.uid), Gid: uint32(id.uid)}
	}
	return attr
}

// Give makes the identity the owner of files.
func (id Identity) Give(t *testing.T, paths ...string) {
	t.Helper()
	if id.uid <= 0 {
		return
	}
	for _, path := range paths {
		if err := os.Lchown(path, id.uid, id.uid); err != nil {
			t.Fatal(err)
		}
	}
}

// Uid is the user that the identity's programs run as, seen from the host.
func (id Identity) Uid() int {
	if id.uid > 0 {
		return id.uid
	}
	return os.Geteuid()
}

// Skip skips a test that cannot run on this machine, and says what would make
// it run. On CI nothing may be skipped: its machine can run everything, and what
// is not even tried there would rot.
func Skip(t *testing.T, reason, remedy string) {
	t.Helper()
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf("cannot run on this machine, and CI must run everything: %s\n%s", reason, remedy)
	}
	t.Skipf("cannot run on this machine: %s\nto make it run: %s\nwhat else it lacks: %s", strings.TrimSpace(reason), remedy, doctor)
}
