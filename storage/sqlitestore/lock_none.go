//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package sqlitestore

import (
	"errors"
	"fmt"
	"os"

	"reconnect.example/storage"
)

// lockFile refuses: without flock two processes could hand out the same version
// twice, and fsync of a folder is not to be had either.
func lockFile(string) (*os.File, error) {
	return nil, fmt.Errorf("%w: this system has no flock: %w", storage.ErrUnavailable, errors.ErrUnsupported)
}

func unlock(lock *os.File) error { return lock.Close() }
