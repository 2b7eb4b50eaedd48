package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"reconnect.example/storage"
)

var (
	errNotRegular = errors.New("not a regular file; something else has written into the folder")
	errEnded      = fmt.Errorf("filestore: %w: the writer has ended", storage.ErrInvalid)
)

// writeError gives the error of a change the sentinel that fits.
func writeError(doing string, err error) error {
	sentinel := storage.ErrUnavailable
	switch {
	case is(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		sentinel = storage.ErrNoSpace
	case is(err, syscall.EROFS, syscall.EACCES, syscall.EPERM):
		sentinel = storage.ErrReadOnly
	}
	return fmt.Errorf("filestore: %s: %w: %w", doing, sentinel, withoutPath(err))
}

// readError is for what changes nothing.
func readError(doing string, err error) error {
	return fmt.Errorf("filestore: %s: %w: %w", doing, storage.ErrUnavailable, withoutPath(err))
}

// folderError is for the folder that the caller named.
func folderError(doing string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: it is not there; is the disk mounted?", storage.ErrNotFound)
	case is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: it is not a folder", storage.ErrInvalid)
	}
	return writeError(doing, err)
}

// withoutPath keeps the reason and drops the path: it holds the id of a vault,
// and errors end in logs, which would tell when a person used theirs.
func withoutPath(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func is(err error, any ...error) bool {
	for _, one := range any {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
