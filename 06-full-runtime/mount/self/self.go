// Package self protects the program that PID 1 is started from.
//
// Root in a container can get hold of PID 1's /proc/self/exe, for instance by making
// an image's command a link to it. If that were our file, root could write to it, and
// the next start on the host would run the image's code (CVE-2019-5736). So PID 1 is
// started by way of an overlayfs without an upper directory, which has no place to
// write to: opening the program for writing is EROFS, and nobody can remount a mount
// that is attached nowhere.
//
// An ordinary user's runtime may not mount. There PID 1 makes the overlayfs, in its own
// user namespace, and executes the program once more. The package needs syscall and
// little else, so Go initializes it before most of the program, and the first of the
// two executions is short.
package self

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// Variable is in the environment of a PID 1 that must protect its program. Its value is
// argv[0] of the second execution.
const Variable = "CONTAINER_GO_UNPROTECTED"

// If there is no second execution, package inside must find another way.
func init() {
	name, unprotected := syscall.Getenv(Variable)
	if !unprotected || syscall.Getpid() != 1 {
		return
	}
	if path, err := ReadOnly(); err == nil {
		_ = Exec(path, name)
	}
}

// Exec executes the program at a path in place of this one.
func Exec(path, name string) error {
	var env []string
	for _, kv := range syscall.Environ() {
		if !strings.HasPrefix(kv, Variable+"=") {
			env = append(env, kv)
		}
	}
	return syscall.Exec(path, []string{name}, env)
}

// ReadOnly returns a path to the running program that leads through a read-only
// overlayfs. The path is valid as long as this process lives. What ReadOnly opens stays
// open: to close a mount that is attached nowhere can take the kernel a millisecond.
func ReadOnly() (path string, err error) {
	link := make([]byte, syscall.PathMax)
	n, err := syscall.Readlink("/proc/self/exe", link)
	if err != nil {
		return "", err
	}
	slash := strings.LastIndexByte(string(link[:n]), '/')
	dir, name := string(link[:slash+1]), string(link[slash+1:n])
	const oPath = 0x200000 // O_PATH
	lower, err := syscall.Open(dir, oPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	// An overlayfs without an upper directory needs two lower ones. Of a name in both,
	// the first one's file is shown. Before Linux 6.15 both must be attached somewhere.
	// In a user namespace /dev may not do, because of the mounts below it.
	empty, err := mount("tmpfs", "")
	if err != nil {
		return "", err
	}
	overlay, err := mount("overlay", fdPath(lower)+":"+fdPath(empty))
	if err != nil {
		overlay, err = mount("overlay", fdPath(lower)+":/dev")
	}
	if err != nil {
		return "", err
	}
	// In a child, low numbers are those of the files that it inherits.
	high, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(overlay), syscall.F_DUPFD_CLOEXEC, 10)
	if errno != 0 {
		return "", errno
	}
	path = fdPath(int(high)) + "/" + name
	return path, sameFile("/proc/self/exe", path)
}

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// mount makes a read-only mount that is attached nowhere. The numbers of these system
// calls are the same on every architecture.
func mount(fstype, lowerdir string) (fd int, err error) {
	const (
		sysFsopen, sysFsconfig, sysFsmount                  = 430, 431, 432
		fsopenCloexec, fsmountCloexec, attrReadOnly         = 1, 1, 1
		fsconfigSetString, fsconfigCreate           uintptr = 1, 6
	)
	cString := func(s string) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData([]byte(s + "\x00"))) }
	fs, _, errno := syscall.Syscall(sysFsopen, uintptr(cString(fstype)), fsopenCloexec, 0)
	if errno != 0 {
		return -1, errno
	}
	defer syscall.Close(int(fs))
	if lowerdir != "" {
		_, _, errno = syscall.Syscall6(sysFsconfig, fs, fsconfigSetString, uintptr(cString("lowerdir")), uintptr(cString(lowerdir)), 0, 0)
	}
	if errno == 0 {
		_, _, errno = syscall.Syscall6(sysFsconfig, fs, fsconfigCreate, 0, 0, 0, 0)
	}
	if errno != 0 {
		return -1, errno
	}
	m, _, errno := syscall.Syscall(sysFsmount, fs, fsmountCloexec, attrReadOnly)
	if errno != 0 {
		return -1, errno
	}
	return int(m), nil
}

// sameFile fails if another file has the program's name by now.
func sameFile(program, seen string) error {
	var a, b syscall.Stat_t
	if err := syscall.Stat(program, &a); err != nil {
		return err
	}
	if err := syscall.Lstat(seen, &b); err != nil {
		return err
	}
	if a.Ino != b.Ino || a.Size != b.Size || a.Mtim != b.Mtim {
		return errors.New("the file is no longer this program")
	}
	return nil
}
