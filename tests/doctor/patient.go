package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"

	ids "github.com/moby/sys/user"
)

// patient is whom the doctor asks as, and answers for: the user who runs it. What
// root may, an ordinary user may not, and now and then it is the other way round.
type patient struct {
	ctx      context.Context
	uid, gid int
	name     string // "" if nobody knows this user id
	inUserNS bool   // of a user namespace that does not have all ids, like that of unshare -r

	// userNS is why this user can have no user namespace.
	userNS func() error
}

func newPatient(ctx context.Context) *patient {
	p := &patient{ctx: ctx, uid: os.Geteuid(), gid: os.Getegid()}
	if u, err := user.LookupId(strconv.Itoa(p.uid)); err == nil {
		p.name = u.Username
	}
	ranges, err := ids.CurrentProcessUIDMap()
	p.inUserNS = err == nil && !(len(ranges) == 1 && ranges[0].Count == 1<<32-1)
	p.userNS = sync.OnceValue(p.tryUserNS)
	return p
}

func (p *patient) root() bool { return p.uid == 0 }

func (p *patient) introduction() string {
	switch {
	case p.root() && p.inUserNS:
		return "This speaks as root in a user namespace, and for whoever else is root in it.\n" +
			"Outside of it more may be possible: go run ./tests/doctor"
	case p.root():
		return "This speaks as root, and for root.\n" +
			"For an ordinary user, who may less, ask as that user: go run ./tests/doctor"
	}
	who := "uid " + strconv.Itoa(p.uid)
	if p.name != "" {
		who = p.name + ", " + who
	}
	return fmt.Sprintf("This speaks as an ordinary user (%s), and for that user: lessons 1 to 4 under `unshare -r`.\n"+
		"For root, and so with sudo, ask again: go run -exec sudo ./tests/doctor", who)
}

// need is a finding for what the patient cannot do without.
func need(text, affects, mend string) finding {
	return finding{missing, text, affects, mend}
}

// limit is a finding for what the six lessons can do without.
func limit(text, affects, mend string) finding {
	return finding{limited, text, affects, mend}
}

// install names the command that installs a package, which is called one thing by
// Debian and another by Red Hat.
func install(debian, redHat string) string {
	for _, manager := range []struct{ command, install, name string }{
		{"apt-get", "sudo apt-get install ", debian},
		{"dnf", "sudo dnf install ", redHat},
		{"zypper", "sudo zypper install ", redHat},
	} {
		if _, err := exec.LookPath(manager.command); err == nil {
			return manager.install + manager.name
		}
	}
	return fmt.Sprintf("install your distribution's package for it: %s (Debian) or %s (Fedora)", debian, redHat)
}

// storeDir is where lesson 6 keeps its images, unless its flag --store says
// otherwise.
func (p *patient) storeDir() string {
	dir := os.Getenv("CONTAINER_GO_STORE")
	switch data := os.Getenv("XDG_DATA_HOME"); {
	case dir != "":
	case p.root() && !p.inUserNS:
		dir = "/var/lib/container-go"
	case filepath.IsAbs(data):
		dir = filepath.Join(data, "container-go")
	default:
		dir = filepath.Join(os.Getenv("HOME"), ".local/share/container-go")
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return dir
}

// existing is the part of a path that is there already.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			return path
		}
		path = filepath.Dir(path)
	}
}
