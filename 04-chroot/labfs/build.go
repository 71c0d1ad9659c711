package labfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Build writes Plan's files into dir, an empty directory. What is there
// already is an error, never overwritten and never followed: every directory
// below dir that Build writes through was made by Build.
//
// Device files that the kernel refuses to make become bind mounts of the
// host's (see makeDevice): call Build in a mount namespace of its own, so that
// these mounts end with it.
func Build(dir string) error {
	files, err := Plan()
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := f.write(filepath.Join(dir, f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// write creates f at path. mkdir, open and mknod take the umask off the mode
// they are given, chmod does not.
func (f File) write(path string) error {
	switch f.Mode.Type() {
	case fs.ModeSymlink:
		return os.Symlink(f.Target, path)
	case fs.ModeDir:
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		return os.Chmod(path, f.Mode)
	case fs.ModeDevice | fs.ModeCharDevice:
		return f.makeDevice(path)
	}
	return f.writeRegular(path)
}

func (f File) writeRegular(path string) error {
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if f.Source == "" {
		_, err = dst.Write(f.Content)
	} else if err = copyFile(dst, f.Source); err != nil {
		err = fmt.Errorf("copy %s to %s: %w", f.Source, path, err)
	}
	return errors.Join(err, dst.Chmod(f.Mode), dst.Close())
}

// copyFile copies inside the kernel where it can: between two *os.File,
// io.Copy is copy_file_range(2).
func copyFile(dst *os.File, source string) error {
	src, err := os.Open(source)
	if err != nil {
		return err
	}
	defer src.Close()
	_, err = io.Copy(dst, src)
	return err
}

// makeDevice makes a device file, or borrows the host's.
//
// Whoever may make device files may reach any disk, so the kernel leaves
// mknod to the root of the machine and refuses it to the root of a user
// namespace; and on a file system mounted nodev, as /tmp often is, mknod
// succeeds but the device cannot be opened. In both cases the host's own
// device file is bind-mounted over an empty file.
func (f File) makeDevice(path string) error {
	dir := filepath.Dir(path)
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if st.Flags&stNodev == 0 {
		// The numbers used here fit the old device number format, eight bits each.
		err := syscall.Mknod(path, syscall.S_IFCHR|uint32(f.Mode.Perm()), int(f.Major<<8|f.Minor))
		if err == nil {
			return os.Chmod(path, f.Mode.Perm())
		}
		if err != syscall.EPERM {
			return &os.PathError{Op: "mknod", Path: path, Err: err}
		}
	}
	if err := (File{Mode: f.Mode.Perm()}).writeRegular(path); err != nil {
		return err
	}
	if err := syscall.Mount(f.Path, path, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind mount %s on %s: %w", f.Path, path, err)
	}
	return nil
}

// stNodev is ST_NODEV of statvfs(3), which package syscall lacks.
const stNodev = 4
