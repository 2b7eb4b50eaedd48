package sqlitestore_test

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

func open(t testing.TB, path string) *sqlitestore.Driver {
	t.Helper()
	d, err := sqlitestore.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func put(t testing.TB, d *sqlitestore.Driver, key, value string) {
	t.Helper()
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: key, Value: []byte(value)}}))
}

// plainSQL opens the file as any other program would.
func plainSQL(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestSecondOpeningOfOneFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "records.db")
	d := open(t, path)
	put(t, d, "a", "1")

	link, folder := filepath.Join(dir, "link.db"), filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, os.Symlink(dir, folder))
	working, err := os.Getwd()
	require.NoError(t, err)
	relative, err := filepath.Rel(working, path)
	require.NoError(t, err)
	for _, way := range []string{path, link, filepath.Join(folder, "records.db"), relative, dir + "/../" + filepath.Base(dir) + "/records.db"} {
		_, err := sqlitestore.Open(t.Context(), way, nil)
		require.ErrorIs(t, err, storage.ErrInUse, way)
		require.ErrorContains(t, err, "stop the other one", "it says what to do")
	}
	put(t, d, "a", "2")
	require.NoError(t, d.Close())
	r, err := open(t, link).Get(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "2", string(r.Value))
}

const otherProcess = "SQLITESTORE_TEST_OTHER_PROCESS"

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(otherProcess); path != "" {
		_, err := sqlitestore.Open(t.Context(), path, nil)
		require.ErrorIs(t, err, storage.ErrInUse)
		return
	}
	path := filepath.Join(t.TempDir(), "records.db")
	open(t, path)
	self, err := os.Executable()
	require.NoError(t, err)
	other := exec.CommandContext(t.Context(), self, "-test.run=^TestSecondProcessIsRefused$")
	other.Env = append(os.Environ(), otherProcess+"="+path)
	out, err := other.CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestFilesAreReadableByTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, open(t, filepath.Join(dir, "records.db")), "a", "1")
	names := map[string]fs.FileMode{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		names[entry.Name()] = info.Mode()
	}
	require.Equal(t, map[string]fs.FileMode{
		"records.db": 0o600, "records.db-wal": 0o600, "records.db-shm": 0o600, "records.db.lock": 0o600,
	}, names)
}

// A file that stays open would keep a disk from being unmounted, and a goroutine
// would keep synctest waiting.
func TestCloseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "records.db")
	synctest.Test(t, func(t *testing.T) {
		d, err := sqlitestore.Open(t.Context(), path, nil)
		require.NoError(t, err)
		put(t, d, "a", "1")
		_, err = d.Get(t.Context(), "a")
		require.NoError(t, err)
		_, err = sqlitestore.Open(t.Context(), path, nil)
		require.ErrorIs(t, err, storage.ErrInUse)
		require.NoError(t, d.Close())
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "damaged.db"), make([]byte, 5000), 0o600))
	_, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "damaged.db"), nil)
	require.ErrorIs(t, err, storage.ErrDamaged)

	require.NoFileExists(t, path+"-wal")
	require.NoFileExists(t, path+"-shm")
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // only Linux tells
	}
	for _, file := range files {
		target, err := os.Readlink("/proc/self/fd/" + file.Name())
		require.False(t, err == nil && filepath.Dir(target) == dir, "%s is still open", target)
	}
}

func TestMissingFolderOrFileIsNotCreatedByMistake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "no", "records.db"), nil)
	require.ErrorIs(t, err, storage.ErrNotFound)
	path := filepath.Join(dir, "records.db")
	_, err = sqlitestore.Open(t.Context(), path, &sqlitestore.Options{Existing: true})
	require.ErrorIs(t, err, storage.ErrNotFound)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, open(t, path).Close())
	d, err := sqlitestore.Open(t.Context(), path, &sqlitestore.Options{Existing: true})
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestURLNamesAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	strange := filepath.Join(dir, "a b?c#d%e&f.db")
	for url, path := range map[string]string{
		"sqlite://" + dir + "/absolute.db":            filepath.Join(dir, "absolute.db"),
		"sqlite:" + dir + "/one-slash.db":             filepath.Join(dir, "one-slash.db"),
		"sqlite://" + dir + "/a%20b%3Fc%23d%25e&f.db": strange,
	} {
		s, err := storage.Open(t.Context(), url)
		require.NoError(t, err, url)
		require.FileExists(t, path, url)
		require.NoError(t, s.Close())
		s, err = storage.Open(t.Context(), url+"?existing=true")
		require.NoError(t, err, url)
		require.NoError(t, s.Close())
	}
	for _, url := range []string{
		"sqlite:", "sqlite://", "sqlite://./records.db", "sqlite://data/records.db", "sqlite://user@/records.db",
		"sqlite:///tmp/records.db#part", "sqlite:records%zz.db", "sqlite:///tmp/records.db?mode=memory",
		"sqlite:///tmp/records.db?existing=false", "sqlite:///tmp/records.db?existing=true&existing=true", "sqlite:///a%00b.db",
		"sqlite:///tmp/records.db?a=%zz",
	} {
		_, err := storage.Open(t.Context(), url)
		require.ErrorIs(t, err, storage.ErrInvalid, url)
	}
}

func TestURLWithoutSlashesIsRelativeToTheWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.Mkdir("data", 0o700))
	for url, path := range map[string]string{
		"sqlite:records.db":            "records.db",
		"sqlite:data/records%31.db":    "data/records1.db",
		"sqlite:./data/../records2.db": "records2.db",
	} {
		s, err := storage.Open(t.Context(), url)
		require.NoError(t, err, url)
		require.NoError(t, s.Close())
		require.FileExists(t, filepath.Join(dir, path), url)
	}
}

func TestDatabaseOfANewerVersionOrOfAnotherProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	for about, statement := range map[string]string{
		"newer version":    "PRAGMA user_version = 2",
		"another program":  "PRAGMA application_id = 1",
		"no program given": "PRAGMA application_id = 0",
	} {
		path := filepath.Join(t.TempDir(), "records.db")
		require.NoError(t, open(t, path).Close())
		db := plainSQL(t, path)
		_, err := db.ExecContext(t.Context(), "PRAGMA journal_mode = DELETE;"+statement)
		require.NoError(t, err)
		before, err := os.ReadFile(path)
		require.NoError(t, err)

		_, err = sqlitestore.Open(t.Context(), path, nil)
		require.ErrorIs(t, err, storage.ErrInvalid, about)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(before, after), "%s: the file was changed", about)
		require.NoFileExists(t, path+"-wal")
	}
}

// A newer version was killed and left its mark only in the log.
func TestNewerVersionIsSeenInTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "records.db"), filepath.Join(dir, "copied.db")
	require.NoError(t, open(t, path).Close())
	_, err := plainSQL(t, path).ExecContext(t.Context(), "PRAGMA user_version = 2")
	require.NoError(t, err)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied+suffix, content, 0o600))
	}
	_, err = sqlitestore.Open(t.Context(), copied, nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "newer version")
}

func TestWhatACrashLeavesOfACreationIsCleared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "records.db")
	for _, left := range []string{".new", ".new-journal", ".lock"} {
		require.NoError(t, os.WriteFile(path+left, []byte("half of something"), 0o600))
	}
	d := open(t, path)
	put(t, d, "a", "1")
	require.NoError(t, d.Close())
	require.NoFileExists(t, path+".new")
	require.NoFileExists(t, path+".new-journal")
}

func TestOpeningThatIsCancelledLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlitestore.Open(ctx, path, nil)
	require.ErrorIs(t, err, ctx.Err())
	require.NoError(t, open(t, path).Close(), "the lock is free")
	_, err = sqlitestore.Open(ctx, path, nil)
	require.ErrorIs(t, err, ctx.Err())
}
