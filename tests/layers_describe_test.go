package tests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// describeTree describes all that can be seen of the files in a tree but their link
// counts and inode numbers: overlayfs counts a directory's links as 1, and a file's
// without those names that a layer below has for an older version of it.
func describeTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	links := map[uint64]string{}
	err := filepath.WalkDir(dir+"/", func(path string, entry fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err = errors.Join(err, unix.Lstat(path, &st)); err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
		switch name {
		case "/proc", "/dev", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf": // lesson 6 mounts them
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		all[name] = describeFile(t, path, &st)
		if first := links[st.Ino]; first != "" && !entry.IsDir() {
			all[name] += ", the same file as " + first
		} else {
			links[st.Ino] = name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func describeFile(t *testing.T, path string, st *unix.Stat_t) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "mode %o, owner %d:%d, time %d.%d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if content, err := os.ReadFile(path); err == nil { // a user may not read their own
			fmt.Fprintf(&b, ", %d bytes %.4x", len(content), sha256.Sum256(content))
		}
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		fmt.Fprintf(&b, ", to %q %v", target, err)
	case unix.S_IFCHR, unix.S_IFBLK:
		fmt.Fprintf(&b, ", number %d/%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	list := make([]byte, 4096)
	n, _ := unix.Llistxattr(path, list)
	names := strings.Split(string(list[:max(n, 0)]), "\x00")
	slices.Sort(names)
	for _, name := range names {
		if _, rest, _ := strings.Cut(name, "."); name == "" || strings.HasPrefix(rest, "overlay.") {
			continue
		}
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, name, value)
		fmt.Fprintf(&b, ", %s=%q%v", name, value[:max(n, 0)], err)
	}
	return b.String()
}
