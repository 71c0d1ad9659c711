package unpack

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every box compares the directory outside, to the change times, when its test
// ends. These tests say besides what must come of each attack.

// ways are symlinks from inside a rootfs to the directory outside.
func ways(b *box) []string {
	up, err := filepath.EvalSymlinks(filepath.Dir(b.dir))
	if err != nil {
		b.t.Fatal(err)
	}
	return []string{
		b.outside,
		"../outside",
		"../../../../../../../../.." + b.outside,
		"/../" + b.outside,
		"/proc/self/root" + b.outside,
		"chain1",
		up + "/outside",
	}
}

// eachWay runs an attack through every way out.
func eachWay(t *testing.T, attack func(b *box)) {
	for i := range 7 {
		b := rootfs(t)
		b.layer(symlinkAt("chain1", "chain2/outside"), symlinkAt("chain2", ".."), symlinkAt("way", ways(b)[i]))
		attack(b)
	}
}

// tries applies a layer that may be refused.
func (b *box) tries(items ...item) {
	b.t.Helper()
	if err := b.Apply(context.Background(), bytes.NewReader(archive(b.t, items...))); err != nil {
		b.t.Logf("refused: %v", err)
	}
}

func TestNamesCannotLeadOutside(t *testing.T) {
	b := rootfs(t)
	for _, name := range []string{"../outside/secret", "/../outside/secret", b.outside + "/secret", "a/../../outside/secret", "./.././../outside/secret"} {
		b.layer(fileAt(name, "evil"))
	}
	in := strings.TrimPrefix(b.outside, "/")
	for _, name := range []string{"outside/secret", in + "/secret"} {
		if got, err := os.ReadFile(filepath.Join(b.dir, name)); string(got) != "evil" {
			t.Errorf("%s, inside, has %q: %v", name, got, err)
		}
	}
	b.layer(dirAt("../outside").mode(0o777), hide("../outside/.wh.secret"), hide("../outside/.wh..wh..opq"),
		fileAt("f", ""), linkAt("l", "/../../outside/x/..//../outside/sub/../../f"))
}

func TestNothingIsMadeThroughASymlink(t *testing.T) {
	eachWay(t, func(b *box) {
		for _, i := range []item{
			fileAt("way/secret", "evil"), fileAt("way/new", "evil"), dirAt("way/sub").mode(0o777), dirAt("way/new"),
			symlinkAt("way/secret", "x"), fifoAt("way/secret"), deviceAt("way/secret", 1, 3), fileAt("way/sub/secret", "evil"),
		} {
			b.tries(i)
		}
	})
}

func TestNothingIsRemovedThroughASymlink(t *testing.T) {
	eachWay(t, func(b *box) {
		for _, i := range []item{
			hide("way/.wh.secret"), hide("way/.wh.sub"), hide("way/.wh..wh..opq"), hide("way/sub/.wh..wh..opq"), fileAt("way/sub", ""),
			hide("way/.wh.."), hide("way/.wh..."), hide("way/sub/.wh..."),
			hide(".wh..wh..opq"), // removes the symlink, not what it leads to
		} {
			b.tries(i)
		}
		b.has()
	})
}

func TestHardLinkCannotReachThroughASymlink(t *testing.T) {
	eachWay(t, func(b *box) {
		b.tries(linkAt("stolen", "way/secret"))
		b.tries(linkAt("stolen", "chain2/outside/secret"))
		b.tries(linkAt("stolen", "../outside/secret"))
		b.tries(linkAt("stolen", b.outside+"/secret"))
		if _, err := os.Lstat(filepath.Join(b.dir, "stolen")); err == nil {
			b.t.Error("a file outside has been linked")
		}
	})
}

func TestHardLinkToASymlinkIsNoWayOut(t *testing.T) {
	eachWay(t, func(b *box) {
		b.tries(linkAt("way2", "way"), fileAt("way2/secret", "evil"), hide("way2/.wh.secret"), fileAt("way2", "evil").mode(0o777))
	})
}

func TestSymlinkInTheLastPlaceIsReplacedNotFollowed(t *testing.T) {
	b := rootfs(t)
	for name, i := range map[string]item{
		"file": fileAt("x", "evil").mode(0o7777).xattr("user.evil", "1"), "dir": dirAt("x").mode(0o7777).xattr("user.evil", "1"),
		"fifo": fifoAt("x").mode(0o7777), "device": deviceAt("x", 1, 3), "symlink": symlinkAt("x", "y").mode(0o7777), "hard link": linkAt("x", "f"),
	} {
		for _, to := range []string{b.outside + "/secret", b.outside, "../outside/secret", "../outside"} {
			if PreservesOwners() {
				i.Uid, i.Gid = 4321, 4321
			}
			b.layer(fileAt("f", ""), symlinkAt("x", to))
			b.tries(i)
			if got, err := os.Readlink(filepath.Join(b.dir, "x")); err == nil && got == to {
				t.Errorf("%s over a symlink to %s has left the symlink", name, to)
			}
		}
	}
}

func TestDirectoryThatBecomesASymlinkIsForgotten(t *testing.T) {
	eachWay(t, func(b *box) {
		// The directory is open for the next entry when it is replaced.
		b.tries(dirAt("d"), fileAt("d/secret", "1"), symlinkAt("d", b.outside), fileAt("d/secret", "evil"), hide("d/.wh.secret"))
		b.tries(dirAt("e/sub"), fileAt("e/sub/secret", "1"), symlinkAt("e", b.outside), fileAt("e/sub/secret", "evil"), dirAt("e/sub").mode(0o777))
	})
}

func TestSymlinkThatBecomesADirectoryIsOne(t *testing.T) {
	eachWay(t, func(b *box) {
		b.layer(dirAt("way"), fileAt("way/secret", "inside"))
		if got, err := os.ReadFile(filepath.Join(b.dir, "way/secret")); string(got) != "inside" {
			b.t.Errorf("way/secret is %q: %v", got, err)
		}
	})
}

func TestDirTimesAreNotSetThroughASymlink(t *testing.T) {
	eachWay(t, func(b *box) {
		b.tries(dirAt("way/sub"), dirAt("d"), symlinkAt("d", b.outside), dirAt("way"), symlinkAt("way", b.outside))
	})
}

func TestLongChainsOfSymlinksEnd(t *testing.T) {
	b := rootfs(t)
	var items []item
	for i := range 100 {
		items = append(items, symlinkAt("l"+strings.Repeat("x", i), "l"+strings.Repeat("x", i+1)))
	}
	b.layer(items...)
	b.refuses("too many levels of symbolic links", fileAt("l/f", ""))
}
