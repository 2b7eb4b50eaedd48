package sqlitestore_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	sqlite3 "modernc.org/sqlite/lib"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

// What durability and confidentiality rest on, on every connection.
func TestEveryConnectionIsDurableAndSpillsNothing(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "records.db"))
	for pragma, want := range map[string]string{
		"journal_mode":   "wal",
		"synchronous":    "2", // FULL
		"secure_delete":  "1",
		"temp_store":     "2", // MEMORY
		"trusted_schema": "0",
		"page_size":      "4096",
	} {
		values, err := d.Settings(t.Context(), pragma)
		require.NoError(t, err)
		require.Equal(t, []string{want, want}, values, pragma)
	}
	values, err := d.Settings(t.Context(), "query_only")
	require.NoError(t, err)
	require.Equal(t, []string{"1", "0"}, values, "a connection that reads cannot write")
}

func TestErrorsOfTheSystemFindTheirKind(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]error{
		syscall.ENOSPC:   storage.ErrNoSpace,
		syscall.EDQUOT:   storage.ErrNoSpace,
		syscall.EFBIG:    storage.ErrNoSpace,
		syscall.EROFS:    storage.ErrReadOnly,
		syscall.EACCES:   storage.ErrReadOnly,
		syscall.EPERM:    storage.ErrReadOnly,
		syscall.ENOENT:   storage.ErrNotFound,
		syscall.ENOTDIR:  storage.ErrInvalid,
		syscall.ELOOP:    storage.ErrInvalid,
		syscall.EIO:      storage.ErrUnavailable,
		syscall.EMFILE:   storage.ErrUnavailable,
		fs.ErrClosed:     storage.ErrUnavailable,
		errors.New("??"): storage.ErrUnavailable,
	} {
		mapped := sqlitestore.SystemError("open", &os.PathError{Op: "open", Path: "x", Err: err})
		require.ErrorIs(t, mapped, want)
		require.ErrorIs(t, mapped, err)
	}
}

// A real SQLite gives the codes that can be had without breaking a disk.
func TestErrorsOfSQLiteFindTheirKind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := plainSQL(t, filepath.Join(dir, "full.db"))
	_, err := full.ExecContext(t.Context(), "PRAGMA max_page_count = 2; CREATE TABLE a (b)")
	require.NoError(t, err)
	_, err = full.ExecContext(t.Context(), "INSERT INTO a VALUES (randomblob(100000))")
	require.ErrorIs(t, sqlitestore.SQLiteError("write", err), storage.ErrNoSpace)
	require.NotErrorIs(t, sqlitestore.CommitError(err), storage.ErrUnknown)

	readOnly := plainSQL(t, "file:"+filepath.Join(dir, "full.db")+"?mode=ro")
	_, err = readOnly.ExecContext(t.Context(), "INSERT INTO a VALUES (1)")
	require.ErrorIs(t, sqlitestore.SQLiteError("write", err), storage.ErrReadOnly)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "text.db"), []byte(strings.Repeat("text", 1000)), 0o600))
	_, err = plainSQL(t, filepath.Join(dir, "text.db")).ExecContext(t.Context(), "PRAGMA user_version = 1")
	require.ErrorIs(t, sqlitestore.SQLiteError("write", err), storage.ErrDamaged)

	_, err = full.ExecContext(t.Context(), "no such statement")
	require.ErrorIs(t, sqlitestore.SQLiteError("write", err), storage.ErrUnavailable)
	require.NotErrorIs(t, sqlitestore.CommitError(err), storage.ErrUnknown)
}

// Those that need a broken disk.
func TestCodesOfSQLiteFindTheirKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code    int
		want    error
		unknown bool
	}{
		{sqlite3.SQLITE_FULL, storage.ErrNoSpace, false},
		{sqlite3.SQLITE_IOERR_SHMSIZE, storage.ErrNoSpace, false},
		{sqlite3.SQLITE_READONLY_DIRECTORY, storage.ErrReadOnly, false},
		{sqlite3.SQLITE_CORRUPT_INDEX, storage.ErrDamaged, false},
		{sqlite3.SQLITE_NOTADB, storage.ErrDamaged, false},
		{sqlite3.SQLITE_IOERR_SHORT_READ, storage.ErrDamaged, false},
		{sqlite3.SQLITE_BUSY, storage.ErrUnavailable, false},
		{sqlite3.SQLITE_NOMEM, storage.ErrUnavailable, false},
		{sqlite3.SQLITE_IOERR_WRITE, storage.ErrUnavailable, false},
		{sqlite3.SQLITE_IOERR_FSYNC, storage.ErrUnavailable, true},
		{sqlite3.SQLITE_IOERR_DIR_FSYNC, storage.ErrUnavailable, true},
		{sqlite3.SQLITE_IOERR, storage.ErrUnavailable, true},
		{0, storage.ErrUnavailable, false},
	} {
		require.Equal(t, c.want, sqlitestore.Sentinel(c.code), "code %d", c.code)
		require.Equal(t, c.unknown, sqlitestore.LeavesOpen(c.code), "code %d", c.code)
	}
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{"sqlite:///var/x.db", "sqlite:x.db?existing=true", "sqlite:%2e%2e/x", "sqlite://h/x", "sqlite:a#b", "sqlite:?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		path, options, err := sqlitestore.FromURL(u)
		if err != nil {
			require.ErrorIs(t, err, storage.ErrInvalid)
			return
		}
		require.Empty(t, u.Host+u.Fragment)
		// The path and the options say all that the URL said.
		again := "sqlite://" + (&url.URL{Path: path}).EscapedPath()
		if options.Existing {
			again += "?existing=true"
		}
		if strings.HasPrefix(path, "/") {
			parsed, err := url.Parse(again)
			require.NoError(t, err, again)
			secondPath, secondOptions, err := sqlitestore.FromURL(parsed)
			require.NoError(t, err)
			require.Equal(t, path, secondPath)
			require.Equal(t, options, secondOptions)
		}
	})
}
