package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// overlay stacks two directories where lesson 6's images would be: not every
// filesystem can be the upper one.
func overlay(p *patient) finding {
	affects := "lesson 6's store, which stacks an image's layers with it"
	mend := "have the store on ext4, xfs or btrfs: "
	if p.root() {
		mend += "mount one on " + p.storeDir()
	} else {
		mend += "export XDG_DATA_HOME=DIR"
	}
	if p.storeDir() == "" {
		return limit(noHome, affects, mend)
	}
	if !p.root() && p.userNS() != nil {
		return finding{verdict: untried, text: "it takes a user namespace"}
	}
	parent := existing(p.storeDir())
	dir, err := os.MkdirTemp(parent, ".container-go-doctor-")
	if err != nil {
		return limit(fmt.Sprintf("make a directory in %s: %v", parent, plain(err)), affects, p.mendWrite(parent))
	}
	defer func() {
		// The kernel gives itself a directory in there that nobody may read.
		_ = os.Chmod(dir+"/work/work", 0o700)
		_ = os.RemoveAll(dir)
	}()
	option := "trusted"
	if !p.root() || p.inUserNS {
		// A user namespace's root may not set trusted.* attributes.
		option = "userxattr"
	}
	if err := p.try(p.inNew(0), "overlay", dir, option); err != nil {
		return limit(fmt.Sprintf("on %s: %s", parent, err), affects, mend)
	}
	return ok("stacked two directories in %s, %s", parent, map[string]string{
		"trusted": "as root", "userxattr": "in a user namespace (userxattr)"}[option])
}

const noHome = "neither $XDG_DATA_HOME nor $HOME is set"

// mendWrite says what to do about a directory that cannot be written to.
func (p *patient) mendWrite(dir string) string {
	if p.root() {
		return "mount a filesystem that can be written to on " + dir
	}
	return "export XDG_DATA_HOME=DIR, with a directory of yours"
}

// probeOverlay does with an overlay what makes the kernel use all of its means:
// it copies a file up, hides one, and puts a new directory in an old one's place.
func probeOverlay(args []string) error {
	dir, option := args[0], args[1]
	for _, name := range []string{"lower", "lower/old", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"lower/copied", "lower/hidden", "lower/old/file"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			return err
		}
	}
	data := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if option == "userxattr" {
		data += ",userxattr"
	}
	merged := filepath.Join(dir, "merged")
	if err := mountOn(merged, "overlay", data); err != nil {
		return err
	}
	defer func() { _ = unix.Unmount(merged, 0) }()
	if err := errors.Join(
		os.Chmod(merged+"/copied", 0o600),
		os.Remove(merged+"/hidden"),
		os.RemoveAll(merged+"/old"),
		os.Mkdir(merged+"/old", 0o755),
	); err != nil {
		return err
	}
	if entries, err := os.ReadDir(merged + "/old"); err != nil || len(entries) > 0 {
		return fmt.Errorf("a new directory shows what was in the old one: %v %v", entries, err)
	}
	return nil
}

// What the lessons take, roughly: Go's temporary files and the lab image on the
// one hand, three or four images on the other.
const leastRoom, goodRoom = 128 << 20, 1 << 30

func temporaryFiles(p *patient) finding {
	mend := "export TMPDIR=DIR, on a disk with more room; or make some: go clean -cache"
	return p.room(os.TempDir(), "every lesson: `go run` and the root filesystems need it", "large images", mend, need)
}

func imageStore(p *patient) finding {
	mend := "export XDG_DATA_HOME=DIR, on a disk with more room"
	if p.root() {
		mend = "mount a disk on " + p.storeDir()
	}
	affects := "lesson 6's store"
	if p.storeDir() == "" {
		return limit(noHome, affects, mend)
	}
	return p.room(existing(p.storeDir()), affects, affects+": room for few images", mend, limit)
}

// take reserves room in a directory for a file without a name, and gives it back.
func take(dir string, n int64) error {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// A tmpfs stops, and undoes what it did, at every signal, and Go's scheduler
	// sends some: on a slow machine it never gets to the end.
	for range 10 {
		if err = unix.Fallocate(fd, 0, 0, n); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return err
}

// room takes some of a directory's room, for a moment and without a name.
func (p *patient) room(dir, affects, affectsLittle, mend string, found func(text, affects, mend string) finding) finding {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return found(fmt.Sprintf("%s: %v", dir, err), affects, mend)
	}
	free := int64(st.Bavail) * st.Bsize
	err := take(dir, leastRoom)
	if (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINTR)) && free >= leastRoom {
		err = nil // it cannot be tried here, so that must do
	}
	switch {
	case err != nil:
		return found(fmt.Sprintf("%s: take %s of %s: %v", dir, size(leastRoom), size(free), err), affects, mend)
	case st.Flags&unix.ST_NOEXEC != 0:
		return found(dir+" is mounted noexec", affects, "sudo mount -o remount,exec the filesystem that holds "+dir)
	case free < goodRoom:
		return limit(fmt.Sprintf("%s: %s free", dir, size(free)), affectsLittle, mend)
	}
	return ok("%s: %s free", dir, size(free))
}

func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}
