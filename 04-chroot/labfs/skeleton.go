package labfs

import "io/fs"

// skeleton is the part that is the same on every machine.
var skeleton = []File{
	directory("/bin", 0o755),
	directory("/dev", 0o755),
	directory("/etc", 0o755),
	directory("/home", 0o755),
	directory("/mnt", 0o755),
	directory("/proc", 0o755),
	directory("/root", 0o700),
	directory("/run", 0o755),
	directory("/sys", 0o755),
	directory("/tmp", 0o777|fs.ModeSticky),
	directory("/usr", 0o755),
	directory("/var", 0o755),

	// All tools stand in /bin, but scripts say #!/usr/bin/env, and the PATH a
	// shell inherits from its host need not have /bin in it (Arch Linux's has
	// not).
	symlink("/sbin", "bin"),
	symlink("/usr/bin", "../bin"),
	symlink("/usr/sbin", "../bin"),

	// id, ls -l and ps turn numbers into names with these. 65534 is how the
	// kernel shows an owner that a user namespace does not map; 5 is the
	// group of terminals.
	text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
	text("/etc/group", "root:x:0:\ntty:x:5:\nnobody:x:65534:\n"),
	// What glibc does without this file has differed between its versions.
	text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
	text("/etc/os-release", "ID=lab\nNAME=\"container-go lab\"\nPRETTY_NAME=\"container-go lab root filesystem\"\n"),

	device("/dev/null", 1, 3),
	device("/dev/zero", 1, 5),
	device("/dev/full", 1, 7),
	device("/dev/random", 1, 8),
	device("/dev/urandom", 1, 9),
	device("/dev/tty", 5, 0),
	symlink("/dev/fd", "/proc/self/fd"),
	symlink("/dev/stdin", "/proc/self/fd/0"),
	symlink("/dev/stdout", "/proc/self/fd/1"),
	symlink("/dev/stderr", "/proc/self/fd/2"),
}

func directory(path string, perm fs.FileMode) File {
	return File{Path: path, Mode: fs.ModeDir | perm}
}

func symlink(path, target string) File {
	return File{Path: path, Mode: fs.ModeSymlink | 0o777, Target: target}
}

func text(path, content string) File {
	return File{Path: path, Mode: 0o644, Content: []byte(content)}
}

func device(path string, major, minor uint32) File {
	return File{Path: path, Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Major: major, Minor: minor}
}

// program is a file that is executed: a tool, a library or the loader. The
// host's setuid bits are left behind: whoever enters the lab is root there.
func program(path, source string) File {
	return File{Path: path, Mode: 0o755, Source: source}
}
