package unpack

import (
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

// overlay mounts an overlay of dirs, lowest first. The uppermost is written to,
// unless there is no work directory. It returns a path that leads to it.
func overlay(t testing.TB, work string, dirs ...string) (string, error) {
	t.Helper()
	var opened []int
	open := func(dir string) string {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, fd)
		return fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	defer func() {
		for _, fd := range opened {
			unix.Close(fd)
		}
	}()
	options := [][2]string{}
	if work != "" {
		top := len(dirs) - 1
		options = append(options, [2]string{"upperdir", open(dirs[top])}, [2]string{"workdir", open(work)}, [2]string{"volatile"})
		dirs = dirs[:top]
	}
	var lower []string
	for _, dir := range slices.Backward(dirs) {
		lower = append(lower, open(dir))
	}
	options = append(options, [2]string{"lowerdir", strings.Join(lower, ":")}, [2]string{"index", "off"})
	if os.Getenv("container") == "unshare" {
		options = append(options, [2]string{"userxattr"})
	} else {
		options = append(options, [2]string{"redirect_dir", "off"}, [2]string{"metacopy", "off"})
	}
	conf, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(conf)
	for _, o := range options {
		if o[1] == "" {
			err = unix.FsconfigSetFlag(conf, o[0])
		} else {
			err = unix.FsconfigSetString(conf, o[0], o[1])
		}
		if err != nil {
			return "", fmt.Errorf("fsconfig %v: %w", o, err)
		}
	}
	if err := unix.FsconfigCreate(conf); err != nil {
		return "", fmt.Errorf("fsconfig: %w", err)
	}
	mnt, err := unix.Fsmount(conf, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("fsmount: %w", err)
	}
	t.Cleanup(func() { unix.Close(mnt) })
	return fmt.Sprintf("/proc/self/fd/%d", mnt), nil
}

func needOverlay(t testing.TB) {
	t.Helper()
	if _, err := overlay(t, "", t.TempDir(), t.TempDir()); err != nil {
		t.Skipf("needs root and overlayfs: %v", err)
	}
}

// tree describes all that a container can see of a tree.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	links := map[uint64]string{}
	err := filepath.WalkDir(dir+"/", func(name string, entry fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err = errors.Join(err, unix.Lstat(name, &st)); err != nil {
			return err
		}
		inside := strings.TrimPrefix(name, dir)
		fmt.Fprintf(&b, "%q %o %d:%d %d.%d", inside, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, err := os.ReadFile(name)
			if err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
			fmt.Fprintf(&b, " %q", content)
		case unix.S_IFLNK:
			to, _ := os.Readlink(name)
			fmt.Fprintf(&b, " -> %q", to)
		case unix.S_IFCHR, unix.S_IFBLK:
			fmt.Fprintf(&b, " %x", st.Rdev)
		}
		buf := make([]byte, 1000)
		n, _ := unix.Llistxattr(name, buf)
		attrs := strings.Split(string(buf[:max(n, 0)]), "\x00")
		slices.Sort(attrs)
		for _, attr := range attrs {
			if attr != "" && !isOverlay(attr) {
				n, err := unix.Lgetxattr(name, attr, buf)
				fmt.Fprintf(&b, " %s=%q%v", attr, buf[:max(n, 0)], err)
			}
		}
		if first := links[st.Ino]; first != "" && !entry.IsDir() {
			fmt.Fprintf(&b, " = %s", first)
		} else {
			links[st.Ino] = inside
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
