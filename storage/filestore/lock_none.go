//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filestore

import (
	"errors"
	"fmt"
	"os"

	"reconnect.example/storage"
)

// lockFolder refuses: without flock two processes could throw away each other's
// blobs, and fsync of a folder is not to be had either.
func lockFolder(*os.Root) (*os.File, error) {
	return nil, fmt.Errorf("%w: this system has no flock: %w", storage.ErrUnavailable, errors.ErrUnsupported)
}

func unlock(lock *os.File) error { return lock.Close() }
