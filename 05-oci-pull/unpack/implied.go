package unpack

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const impliedMode = 0o755

// makeDirs makes the directory called name and those above it where they are
// missing, and opens it. Where name runs through a symlink to nothing, it makes
// what the symlink names.
//
// It goes from directory to directory by the last one's handle, so that a deep
// path costs no more than its length, and reads symlinks itself. A single name that
// is no symlink leads to no other place than it says, and ".." is taken only below
// the rootfs.
func (l *layer) makeDirs(name string) (dir, error) {
	at, rest, err := l.deepest(name)
	if err != nil {
		return dir{}, err
	}
	for links := 0; rest != ""; {
		var base string
		base, rest, _ = strings.Cut(rest, "/")
		if base == "" || base == "." || base == ".." && at.id == l.root.id {
			continue
		}
		next, err := l.step(&at, base)
		if err == unix.ELOOP && links < 40 { // as many as the kernel follows
			links++
			var target string
			target, err = readlink(at.fd, base)
			rest = target + "/" + rest
			if err == nil && !strings.HasPrefix(target, "/") {
				continue
			}
			if err == nil {
				next, err = openDir(l.root.fd, ".", 0)
			}
		}
		if cerr := at.close(); err == nil {
			err = cerr
		}
		if err != nil {
			return dir{}, failed("mkdirat", name, err)
		}
		at = next
	}
	return at, nil
}

// deepest opens the deepest directory on the way to name that exists, and returns
// the rest of the way.
func (l *layer) deepest(name string) (d dir, rest string, err error) {
	if rest, below := l.belowLast(name); below {
		d, err = openDir(l.last.fd, ".", 0)
		return d, rest, err
	}
	end := len(name)
	for {
		end = max(strings.LastIndexByte(name[:end], '/'), 0)
		d, err = l.resolve("/" + name[:end])
		if end == 0 || !nothingThere(err) {
			return d, name[end:], err
		}
	}
}

// step opens the directory base in at, which it makes if there is nothing.
func (l *layer) step(at *dir, base string) (dir, error) {
	next, err := openDir(at.fd, base, unix.RESOLVE_NO_SYMLINKS)
	if err != unix.ENOENT {
		return next, err
	}
	if err := l.count(); err != nil {
		return dir{}, err
	}
	if err := unix.Mkdirat(at.fd, base, impliedMode); err != nil {
		return dir{}, err
	}
	at.changed = true
	if next, err = openDir(at.fd, base, unix.RESOLVE_NO_SYMLINKS); err != nil {
		return dir{}, err
	}
	l.written.pure(next.id)
	next.times, next.changed = l.now, true
	// mkdir obeyed a setgid bit above, and the umask.
	uid, gid := os.Geteuid(), os.Getegid()
	if l.options.Owners && (int(next.uid) != uid || int(next.gid) != gid) {
		if err := unix.Fchownat(at.fd, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return next, err
		}
	}
	if next.mode&0o7777 != impliedMode {
		return next, unix.Fchmodat(at.fd, base, impliedMode, 0)
	}
	return next, nil
}

func readlink(above int, base string) (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(above, base, target)
	return string(target[:max(n, 0)]), err
}
