package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"reconnect.example/storage"
)

// systemError gives an error of the file system the sentinel that fits.
func systemError(doing string, err error) error {
	sentinel := storage.ErrUnavailable
	switch {
	case errors.Is(err, fs.ErrNotExist):
		sentinel = storage.ErrNotFound
	case is(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		sentinel = storage.ErrNoSpace
	case is(err, syscall.EROFS, syscall.EACCES, syscall.EPERM):
		sentinel = storage.ErrReadOnly
	case is(err, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL):
		sentinel = storage.ErrInvalid
	}
	return fmt.Errorf("%s: %w: %w", doing, sentinel, err)
}

func is(err error, any ...error) bool {
	for _, one := range any {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// sqliteError gives an error of SQLite the sentinel that fits.
func sqliteError(doing string, err error) error {
	sentinel := storage.ErrUnavailable
	switch code := code(err); code & 0xff {
	case sqlite3.SQLITE_FULL:
		sentinel = storage.ErrNoSpace
	case sqlite3.SQLITE_READONLY:
		sentinel = storage.ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		sentinel = storage.ErrDamaged
	case sqlite3.SQLITE_IOERR:
		switch code {
		case sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
			sentinel = storage.ErrDamaged
		case sqlite3.SQLITE_IOERR_SHMSIZE: // the index of the log could not grow
			sentinel = storage.ErrNoSpace
		}
	}
	return fmt.Errorf("%s: %w: %w", doing, sentinel, err)
}

// commitError is sqliteError for a COMMIT. A fault while the log was written or
// flushed leaves open whether the commit would be found there after a crash.
func commitError(err error) error {
	mapped := sqliteError("commit", err)
	if code(err)&0xff == sqlite3.SQLITE_IOERR {
		return fmt.Errorf("%w: %w", storage.ErrUnknown, mapped)
	}
	return mapped
}

// code returns the extended result code of SQLite, or 0 if it is another error.
func code(err error) int {
	var failed *sqlite.Error
	if errors.As(err, &failed) {
		return failed.Code()
	}
	return 0
}
