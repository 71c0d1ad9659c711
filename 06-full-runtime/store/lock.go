package store

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Lock is an open file with flock(2) on it. The kernel releases it when the last
// process that has it open is gone, however that ended.
type Lock struct{ file *os.File }

func (l *Lock) Release() {
	if l != nil {
		l.file.Close()
	}
}

// tryLock takes a lock, unix.LOCK_SH or LOCK_EX, on a file, which is made if it does
// not exist, or returns nil if somebody else has it. NFS wants the file open for
// writing if the lock is exclusive (flock(2)).
func tryLock(path string, how int) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return lockFile(file, how)
}

// TryLockDir takes a lock on a directory that exists, or returns nil like tryLock.
func TryLockDir(path string, how int) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return lockFile(file, how)
}

func lockFile(file *os.File, how int) (*Lock, error) {
	err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
	if err == nil {
		return &Lock{file}, nil
	}
	file.Close()
	if err == unix.EWOULDBLOCK {
		return nil, nil
	}
	return nil, fmt.Errorf("flock %s: %w", file.Name(), err)
}

// takeLock waits for a lock, and calls waiting once if it has to. It asks again and
// again because flock(2) itself cannot be told to stop by a context.
func takeLock(ctx context.Context, path string, how int, waiting func()) (*Lock, error) {
	for {
		l, err := tryLock(path, how)
		if l != nil || err != nil {
			return l, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Share keeps prune away until release is called.
func (s *Store) Share(ctx context.Context, waiting func()) (release func(), err error) {
	l, err := takeLock(ctx, s.Path("lock"), unix.LOCK_SH, waiting)
	return l.Release, err
}
