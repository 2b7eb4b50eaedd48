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
	return fmt.Errorf("%s: %w: %w", doing, sentinel(code(err)), err)
}

// commitError is sqliteError for a COMMIT.
func commitError(err error) error {
	mapped := sqliteError("commit", err)
	if leavesOpen(code(err)) {
		return fmt.Errorf("%w: %w", storage.ErrUnknown, mapped)
	}
	return mapped
}

// code returns the extended result code of SQLite, or 0 if it is another error.
// They are listed at https://www.sqlite.org/rescode.html.
func code(err error) int {
	var failed *sqlite.Error
	if errors.As(err, &failed) {
		return failed.Code()
	}
	return 0
}

func sentinel(code int) error {
	switch code {
	case sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
		return storage.ErrDamaged
	case sqlite3.SQLITE_IOERR_SHMSIZE: // the index of the log could not grow
		return storage.ErrNoSpace
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return storage.ErrNoSpace
	case sqlite3.SQLITE_READONLY:
		return storage.ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return storage.ErrDamaged
	}
	return storage.ErrUnavailable
}

// leavesOpen says whether a COMMIT that failed with code may still be found in
// the log after a crash: if the log was written, and flushing it failed. When it
// could not be written, its last frame is not whole and does not count.
func leavesOpen(code int) bool {
	switch code {
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ,
		sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_NOMEM:
		return false
	}
	return code&0xff == sqlite3.SQLITE_IOERR
}
