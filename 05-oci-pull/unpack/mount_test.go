package unpack

import (
	"fmt"
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
