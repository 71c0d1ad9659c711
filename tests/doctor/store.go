package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const elsewhere = "export CONTAINER_GO_STORE=DIR, which lesson 6 then keeps images in"

// overlay stacks two directories where lesson 6's images would be: not every
// filesystem can be the upper one, and then lesson 6 has it in memory.
func overlay(p *patient) finding {
	const affects = "lesson 6, which stacks an image's layers so"
	if !p.root() && p.userNS() != nil {
		return finding{verdict: untried, text: "it takes a user namespace"}
	}
	parent := existing(p.storeDir())
	onDisk := p.stack(parent, "disk")
	switch {
	case onDisk == nil:
		return ok("stacked two directories in %s", parent)
	case errors.Is(onDisk, errNoPlace):
		return need(onDisk.Error(), affects, elsewhere)
	}
	if inMemory := p.stack(parent, "memory"); inMemory != nil {
		mend := elsewhere
		if errors.Is(unix.Access("/sys/module/overlay", 0), unix.ENOENT) {
			mend = "sudo modprobe overlay"
		}
		return need(inMemory.Error(), affects, mend)
	}
	return limit(fmt.Sprintf("in %s: %s", parent, onDisk), "lesson 6: what a container writes is kept in memory, or it cannot empty a directory of the image",
		elsewhere+", on ext4, xfs or btrfs")
}

var errNoPlace = errors.New("no place for images")

// stack tries an overlay whose lower directory is in parent, and the upper one too
// or else in memory.
func (p *patient) stack(parent, upper string) error {
	dir, err := os.MkdirTemp(parent, ".container-go-doctor-")
	if err != nil {
		return fmt.Errorf("%w: make a directory in %s: %w", errNoPlace, parent, plain(err))
	}
	defer func() {
		// The kernel gives itself directories in there that nobody may read.
		for _, path := range []string{"work", "work/incompat", "work/incompat/volatile"} {
			_ = os.Chmod(filepath.Join(dir, "above/work", path), 0o700)
		}
		_ = os.RemoveAll(dir)
	}()
	// Only the machine's own root may set trusted.* attributes.
	attributes := "trusted"
	if !p.root() || p.inUserNS {
		attributes = "user"
	}
	return p.try(p.inNew(0), "overlay", dir, upper, attributes)
}

// probeOverlay does with an overlay what makes the kernel use all of its means:
// it runs a program, copies a file up, hides one, and puts a new directory in an
// old one's place.
func probeOverlay(args []string) error {
	dir, upper, attributes := args[0], args[1], args[2]
	program, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	above, merged := filepath.Join(dir, "above"), filepath.Join(dir, "merged")
	for _, path := range []string{above, merged} {
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
	}
	if upper == "memory" {
		if err := mountOn(above, "tmpfs", ""); err != nil {
			return err
		}
	}
	for _, path := range []string{"lower", "lower/old", "above/upper", "above/work"} {
		if err := os.Mkdir(filepath.Join(dir, path), 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.WriteFile(dir+"/lower/copied", nil, 0o644),
		os.WriteFile(dir+"/lower/hidden", nil, 0o644),
		os.WriteFile(dir+"/lower/old/file", nil, 0o644),
		os.WriteFile(dir+"/lower/true", content, 0o755),
	); err != nil {
		return err
	}
	data := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/above/upper,workdir=%[1]s/above/work,volatile", dir)
	if attributes == "user" {
		data += ",userxattr"
	}
	if err := mountOn(merged, "overlay", data); err != nil {
		return err
	}
	defer func() { _ = unix.Unmount(merged, 0) }()
	if err := exec.Command(merged + "/true").Run(); err != nil {
		return fmt.Errorf("run a program in it: %w", plain(err))
	}
	if err := errors.Join(os.Chmod(merged+"/copied", 0o600), os.Remove(merged+"/hidden")); err != nil {
		return err
	}
	if upper == "memory" {
		return nil // before Linux 6.6 a tmpfs has no attribute to mark a new directory with
	}
	if err := errors.Join(os.RemoveAll(merged+"/old"), os.Mkdir(merged+"/old", 0o755)); err != nil {
		return err
	}
	if entries, err := os.ReadDir(merged + "/old"); err != nil || len(entries) > 0 {
		return fmt.Errorf("a new directory shows what was in the old one: %v %v", entries, err)
	}
	return nil
}

// What the lessons take, roughly: Go's temporary files, or the lab image; and three
// or four images of a distribution's.
const leastRoom, goodRoom = 64 << 20, 1 << 30

func temporaryFiles(*patient) finding {
	dir := os.TempDir()
	mend := "export TMPDIR=DIR, on a disk with more room; or make some: go clean -cache"
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_NOEXEC != 0 {
		return need(dir+" is mounted noexec", "every lesson: `go run` runs what it has built there", "sudo mount -o remount,exec "+dir+"; or export TMPDIR=DIR")
	}
	return room(dir, "every lesson: `go run` builds there", "building, and lesson 5's large images", mend)
}

func imageStore(p *patient) finding {
	return room(existing(p.storeDir()), "lesson 6: images are kept there", "lesson 6: there is room for few images",
		"go run ./06-full-runtime --prune; or "+elsewhere)
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
func room(dir, affects, affectsLittle, mend string) finding {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return need(fmt.Sprintf("%s: %v", dir, err), affects, mend)
	}
	free := int64(st.Bavail) * st.Bsize
	err := take(dir, leastRoom)
	if (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINTR)) && free >= leastRoom {
		err = nil // it cannot be tried here, so that must do
	}
	switch {
	case err != nil:
		return need(fmt.Sprintf("%s: take %s of %s: %v", dir, size(leastRoom), size(free), err), affects, mend)
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
