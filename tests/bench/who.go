package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// who is a user that programs run as, with the ids of the container.
type who struct {
	key   string // in names of measurements and directories
	title string // in tables
	id    int    // user and group on the host
	flags []string
	ids   []specs.LinuxIDMapping // of the user namespace, if there is one
}

// The ids are those of the tests, far from the ids of real accounts.
const (
	userID     = 12345 // no account has it
	accountID  = 12346 // the account that addAccount adds has it
	firstSubID = 700_000_000
	subIDs     = 65536
	// rootsSubID is the range that lesson 6 uses where /etc/subuid has none for root.
	rootsSubID = 0x6FFF0000
)

var (
	root   = who{key: "root", title: "root"}
	userns = who{key: "userns", title: "root, `--userns`", flags: []string{"--userns"},
		ids: []specs.LinuxIDMapping{{ContainerID: 0, HostID: rootsSubID, Size: subIDs}}}
	user = who{key: "user", title: "user", id: userID,
		ids: []specs.LinuxIDMapping{{ContainerID: 0, HostID: userID, Size: 1}}}
	account = who{key: "subids", title: "user with subordinate ids", id: accountID,
		ids: []specs.LinuxIDMapping{
			{ContainerID: 0, HostID: accountID, Size: 1},
			{ContainerID: 1, HostID: firstSubID, Size: subIDs},
		}}
)

var everyone = []who{root, userns, user, account}

// rootID is the user on the host that is root in the container.
func (w who) rootID() int {
	if len(w.ids) == 0 {
		return 0
	}
	return int(w.ids[0].HostID)
}

// missing is the reason why this machine cannot run programs as this user, or "".
func (w who) missing() string {
	if w.key == account.key {
		if _, err := exec.LookPath("newuidmap"); err != nil {
			return "newuidmap is not installed (package uidmap)"
		}
	}
	return ""
}

// home makes the directory of all that belongs to this user, once.
func (b *bench) home(w who) (string, error) {
	dir := filepath.Join(b.dir, w.key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	for name, mode := range map[string]os.FileMode{"": 0o755, "home": 0o755, "tmp": 0o755, "run": 0o700} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return "", err
		}
		if err := os.Chmod(path, mode); err != nil {
			return "", err
		}
		if err := os.Chown(path, w.id, w.id); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// environment is the same for all programs.
func (b *bench) environment(w who) []string {
	dir := filepath.Join(b.dir, w.key)
	return []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin",
		"HOME=" + filepath.Join(dir, "home"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"LC_ALL=C",
	}
}

// idMapText is a range as podman's --uidmap has it.
func idMapText(m specs.LinuxIDMapping) string {
	return strconv.Itoa(int(m.ContainerID)) + ":" + strconv.Itoa(int(m.HostID)) + ":" + strconv.Itoa(int(m.Size))
}
