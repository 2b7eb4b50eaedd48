//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlitestore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"reconnect.example/storage"
)

// lockFile takes the database for this process. The lock is on a file beside
// it: to open and close the database itself a second time would make SQLite
// lose its own locks. The system lets go of the lock when the process ends,
// however it ends. The file stays: removing it would let two processes lock two
// files of one name.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, systemError("open its lock", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: stop the other one, or give this one a database of its own", storage.ErrInUse)
	}
	return nil, systemError("lock it", err)
}

// unlock lets go at once. Closing alone would not, while a child that this
// process is about to start still has a copy of the file for a moment.
func unlock(lock *os.File) error {
	_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	return lock.Close()
}
