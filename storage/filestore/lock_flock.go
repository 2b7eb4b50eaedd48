//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"reconnect.example/storage"
)

// lockFolder takes the folder for this process: two would throw away each
// other's blobs in tmp. The system lets go of it when the process ends, however
// it ends. The file stays: removing it would let two processes lock two files
// of one name.
func lockFolder(root *os.Root) (*os.File, error) {
	file, err := root.OpenFile(lockPath, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, writeError("open its lock", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: stop the other process, or give this one a folder of its own", storage.ErrInUse)
	}
	return nil, writeError("lock it", err)
}

// unlock lets go at once. Closing alone would not, while a child that this
// process is about to start still has a copy of the file for a moment.
func unlock(lock *os.File) error {
	_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	return lock.Close()
}
