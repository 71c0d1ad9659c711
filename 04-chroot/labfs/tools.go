package labfs

import (
	"debug/elf"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// toolNames is what the lessons and their exercises use. Each is a few dozen
// kilobytes and needs few libraries; what brings a large one along (sort,
// where it is linked with libcrypto) is left out. busybox comes first because
// it stands in for the tools which a machine lacks.
var toolNames = []string{
	"busybox", "sh",
	"cat", "chmod", "cp", "df", "echo", "env", "false", "grep", "head",
	"hostname", "id", "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv", "ps",
	"readlink", "rm", "sleep", "stty", "tail", "touch", "true", "tty", "umount",
	"uname", "wc",
}

// binDirs are searched instead of $PATH, so that sudo does not change the
// result, nor a wrapper that a user keeps in ~/bin or /usr/local/bin.
var binDirs = []string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}

// findTools returns the machine's tools as they are to stand in /bin.
//
// One program may be many tools and go by the name it is called with, as
// busybox does on Alpine and coreutils on newer Ubuntu. Such a program is
// stored once, under its own name, and its tools are symbolic links to it.
func findTools(dirs []string) ([]File, error) {
	var files []File
	var applets []string                // what busybox offers
	binNames := map[inode]string{}      // programs stored so far, by their name in /bin
	reserved := slices.Clone(toolNames) // names in /bin that no other program may take
	for _, tool := range toolNames {
		source, id, found := find(tool, dirs)
		if !found {
			if slices.Contains(applets, tool) {
				files = append(files, symlink("/bin/"+tool, "busybox"))
			} else if tool == "sh" {
				return nil, fmt.Errorf("no shell to build a root filesystem with: %s has no sh that is a readable ELF program", strings.Join(dirs, ", "))
			}
			continue
		}
		if tool == "busybox" {
			// One built without --list fails here. It stands in for nothing
			// then, which is no reason to go without the machine's own tools.
			out, _ := exec.Command(source, "--list").Output()
			applets = strings.Fields(string(out))
		}
		name, stored := binNames[id]
		if !stored {
			name = filepath.Base(source)
			if slices.Contains(reserved, name) {
				name = tool
			}
			binNames[id] = name
			reserved = append(reserved, name)
			files = append(files, program("/bin/"+name, source))
		}
		if name != tool {
			files = append(files, symlink("/bin/"+tool, name))
		}
	}
	return files, nil
}

// inode tells whether two names are the same program, hard links included.
type inode struct{ dev, ino uint64 }

// find returns the program behind a tool's name. Scripts are passed over, for
// there is no telling what else they call, and so is what this user may not
// read (some distributions allow only execution of setuid programs).
func find(tool string, dirs []string) (source string, id inode, found bool) {
	for _, dir := range dirs {
		source, err := filepath.EvalSymlinks(filepath.Join(dir, tool))
		if err != nil {
			continue
		}
		var st syscall.Stat_t
		if err := syscall.Stat(source, &st); err != nil {
			continue
		}
		f, err := elf.Open(source)
		if err != nil {
			continue
		}
		f.Close()
		return source, inode{uint64(st.Dev), st.Ino}, true
	}
	return "", inode{}, false
}
