package labfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// commands tries each tool in a way that all its implementations know. 127 is
// what a missing program or library gives, so what has to fail fails with 1.
var commands = []string{
	"busybox echo", "sh -c :", "cat /etc/os-release", "echo hello", "env",
	"grep root /etc/passwd", "head -n 1 /etc/passwd", "hostname", "id", "kill -0 $$",
	"ls /", "mkdir /tmp/d", "mknod /tmp/p p", "mount -t tmpfs none /mnt", "umount /mnt",
	"df /proc", "ps", "sleep 0", "tail -n 1 /etc/passwd", "touch /tmp/a", "chmod 600 /tmp/a",
	"cp /tmp/a /tmp/b", "mv /tmp/b /tmp/c", "ln -s c /tmp/l", "readlink /tmp/l", "rm /tmp/a",
	"true", "uname", "wc /etc/passwd",
	"false || [ $? = 1 ]", "stty || [ $? = 1 ]", "tty || [ $? = 1 ]",
}

// checks prints what is wrong inside the root filesystem.
const checks = `
for device in null zero full random urandom tty; do
	[ -c /dev/$device ] || echo "/dev/$device is no device"
done
echo x >/dev/null || echo "/dev/null cannot be written"
echo x | { read line </dev/stdin; [ "$line" = x ] || echo "/dev/stdin is not stdin"; }
[ "$(id -un 2>&1)" = root ] || echo "uid 0 has no name"
/usr/bin/env true || echo "/usr/bin/env does not run"
echo end
`

// TestBuild builds the root filesystem, enters it and runs all that is there:
// as the root of the machine, who makes device files, and as the root of a
// user namespace, who borrows them.
func TestBuild(t *testing.T) {
	files, err := Plan()
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, command := range commands {
		tool, _, _ := strings.Cut(command, " ")
		if slices.ContainsFunc(files, func(f File) bool { return f.Path == "/bin/"+tool }) {
			fmt.Fprintf(&script, "{ /bin/%s; } >/tmp/out 2>&1 || echo '%s:' $? $(/bin/cat /tmp/out)\n", command, command)
		}
	}
	for _, tool := range toolNames {
		if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c+" ", tool+" ") }) {
			t.Errorf("no command tries %s", tool)
		}
	}
	script.WriteString(checks)

	t.Run("root", func(t *testing.T) {
		if err := openNewDevice(t); err != nil {
			t.Skipf("needs mknod and a TMPDIR that is not mounted nodev (%v): run the tests as root, too", err)
		}
		dir := t.TempDir()
		if out := inNamespaces(t, syscall.CLONE_NEWNS, "enter", dir, script.String()); out != "end\n" {
			t.Error(out)
		}
		checkFiles(t, files, dir, false)
	})
	t.Run("root on nodev", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs mknod: run the tests as root, too")
		}
		if out := inNamespaces(t, syscall.CLONE_NEWNS, "enter-nodev", t.TempDir(), script.String()); out != "end\n" {
			t.Error(out)
		}
	})
	t.Run("user namespace", func(t *testing.T) {
		dir := t.TempDir()
		if out := inNamespaces(t, syscall.CLONE_NEWUSER|syscall.CLONE_NEWNS, "enter", dir, script.String()); out != "end\n" {
			t.Error(out)
		}
		checkFiles(t, files, dir, true)
	})
}

// The root of a user namespace may not mount in a mount namespace that is not
// the user namespace's own.
func TestBuildWithoutRights(t *testing.T) {
	dir := t.TempDir()
	out := inNamespaces(t, syscall.CLONE_NEWUSER, "build", dir)
	if want := "bind mount /dev/full on " + dir + "/dev/full: "; !strings.HasPrefix(out, want) {
		t.Errorf("got %q, want %q and a reason", out, want)
	}
}

func TestBuildKeepsWhatIsThere(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		dir := t.TempDir()
		name := filepath.Join(dir, "bin")
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Build(dir); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v", err)
		}
		if content, err := os.ReadFile(name); string(content) != "mine" {
			t.Errorf("the file holds %q, %v", content, err)
		}
	})
	t.Run("link to a directory", func(t *testing.T) {
		dir, outside := t.TempDir(), t.TempDir()
		if err := os.Symlink(outside, filepath.Join(dir, "bin")); err != nil {
			t.Fatal(err)
		}
		if err := Build(dir); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got error %v", err)
		}
		if entries, err := os.ReadDir(outside); len(entries) > 0 || err != nil {
			t.Errorf("outside: %v, %v", entries, err)
		}
	})
	t.Run("link to a file", func(t *testing.T) {
		dir := t.TempDir()
		name, outside := filepath.Join(dir, "file"), filepath.Join(dir, "outside")
		if err := os.Symlink(outside, name); err != nil {
			t.Fatal(err)
		}
		if err := text("/file", "content").write(name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got error %v", err)
		}
		if _, err := os.Stat(outside); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("outside: %v", err)
		}
	})
}

// openNewDevice tells whether mknod is of any use here.
func openNewDevice(t *testing.T) error {
	t.Helper()
	null := filepath.Join(t.TempDir(), "null")
	if err := syscall.Mknod(null, syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		return &os.PathError{Op: "mknod", Path: null, Err: err}
	}
	f, err := os.Open(null)
	if err != nil {
		return err
	}
	return f.Close()
}

// checkFiles checks the files that were built, as the host sees them. The
// mounts over borrowed devices have ended with their namespace.
func checkFiles(t *testing.T, files []File, dir string, borrowed bool) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(dir, f.Path)
		info, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		mode := f.Mode
		if mode.Type()&fs.ModeDevice != 0 && borrowed {
			mode = mode.Perm()
		}
		if info.Mode() != mode {
			t.Errorf("%s is %v, want %v", path, info.Mode(), mode)
		}
		switch mode.Type() {
		case fs.ModeDevice | fs.ModeCharDevice:
			if rdev := info.Sys().(*syscall.Stat_t).Rdev; rdev != uint64(f.Major<<8|f.Minor) {
				t.Errorf("%s is device %#x", path, rdev)
			}
		case fs.ModeSymlink:
			if target, err := os.Readlink(path); target != f.Target {
				t.Errorf("%s points to %q, %v", path, target, err)
			}
		case 0:
			want := f.Content
			if f.Source != "" {
				want, _ = os.ReadFile(f.Source)
			}
			if got, err := os.ReadFile(path); !bytes.Equal(got, want) {
				t.Errorf("%s has %d bytes of content, want %d of %s (%v)", path, len(got), len(want), f.Source, err)
			}
		}
	}
}

const mountRefused = 77

// inNamespaces runs the test binary under another name (see TestMain) in new
// namespaces and returns what it prints.
func inNamespaces(t *testing.T, flags uintptr, args ...string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = args
	cmd.Env = []string{"PATH=/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		t.Skipf("this machine makes no new namespaces for us (%v): see sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone", err)
	}
	if cmd.ProcessState.ExitCode() == mountRefused {
		t.Skipf("this machine lets us mount nothing in new namespaces (%s): see sysctl kernel.apparmor_restrict_unprivileged_userns", bytes.TrimSpace(out))
	}
	return string(out)
}

// build calls Build with a umask that would spoil the modes.
func build(dir string) int {
	syscall.Umask(0o077)
	if err := Build(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// enter builds in dir, or in a nodev file system mounted there, and runs a
// shell script with dir as its root.
func enter(dir, script string, nodev bool) int {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Println("make / private:", err)
		if errors.Is(err, fs.ErrPermission) {
			return mountRefused
		}
		return 1
	}
	if nodev {
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_NODEV, "mode=755"); err != nil {
			fmt.Println("mount tmpfs:", err)
			return 1
		}
	}
	if status := build(dir); status != 0 {
		return status
	}
	// For ps. A procfs of our own would need a PID namespace as well.
	if err := syscall.Mount("/proc", dir+"/proc", "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		fmt.Println("bind mount /proc:", err)
		return 1
	}
	if err := errors.Join(syscall.Chroot(dir), os.Chdir("/")); err != nil {
		fmt.Println("chroot:", err)
		return 1
	}
	fmt.Println("exec:", syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ()))
	return 1
}
