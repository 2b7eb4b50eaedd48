package sqlitestore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

// written makes a database of some hundred pages and returns its content.
func written(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.db")
	d := open(t, path)
	for i := range 10 {
		var writes []storage.Write
		for j := range 50 { // five in a page
			writes = append(writes, storage.Write{Key: fmt.Sprintf("k%d/%d", i, j), Value: bytes.Repeat([]byte("v"), 800)})
		}
		require.NoError(t, d.Commit(t.Context(), nil, writes))
	}
	require.NoError(t, d.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

// readAll opens what is in a file and reads and writes everything.
func readAll(t *testing.T, content []byte) (records int, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	d, err := sqlitestore.Open(t.Context(), path, nil)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	page, err := d.Scan(t.Context(), "", "", storage.MaxScan)
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(page); i += 20 {
		if _, err := d.Get(t.Context(), page[i].Key); err != nil {
			return 0, err
		}
	}
	return len(page), d.Commit(t.Context(), nil, []storage.Write{{Key: "k5/5", Value: []byte("new")}})
}

func TestTruncatedDatabaseIsDamaged(t *testing.T) {
	t.Parallel()
	whole := written(t)
	for _, length := range []int{0, 1, 15, 16, 99, 100, 4095, 4096, 4097, 8192, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		_, err := readAll(t, whole[:length])
		require.ErrorIs(t, err, storage.ErrDamaged, "cut to %d of %d bytes", length, len(whole))
	}
	records, err := readAll(t, whole)
	require.NoError(t, err)
	require.Equal(t, 500, records)
}

func TestOverwrittenDatabaseIsDamaged(t *testing.T) {
	t.Parallel()
	whole := written(t)
	for about, content := range map[string][]byte{
		"text":       []byte("this is not a database, but long enough to have a header, if it were one: " + string(make([]byte, 5000))),
		"zeros":      make([]byte, len(whole)),
		"no header":  append(make([]byte, 100), whole[100:]...),
		"half zeros": append(bytes.Clone(whole[:4096]), make([]byte, len(whole)-4096)...),
		"half noise": append(bytes.Clone(whole[:4096]), bytes.Repeat([]byte{0xa5}, len(whole)-4096)...),
	} {
		_, err := readAll(t, content)
		require.ErrorIs(t, err, storage.ErrDamaged, about)
	}
}

// Whatever single page is lost: what is read is right, or the damage is told.
func TestOverwrittenPageIsNeverReadAsAnEmptyOne(t *testing.T) {
	t.Parallel()
	whole := written(t)
	step := 5
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		step = 1
	}
	for page := 0; page < len(whole)/4096; page += step {
		content := bytes.Clone(whole)
		clear(content[page*4096 : (page+1)*4096])
		records, err := readAll(t, content)
		if err == nil {
			require.Equal(t, 500, records, "page %d", page)
			continue
		}
		require.True(t, errors.Is(err, storage.ErrDamaged) || errors.Is(err, storage.ErrInvalid), "page %d: %v", page, err)
	}
}

// What lies before the prefix is not even looked at: a store may hold a million
// vaults. Nothing of it could be read here.
func TestAScanReadsOnlyWhereItsPrefixIs(t *testing.T) {
	t.Parallel()
	content := written(t)
	const indexLeaf = 0x0a // type of a page, in its first byte
	lost := 0
	for at := 4096; at < len(content); at += 4096 {
		page := content[at : at+4096]
		if page[0] == indexLeaf && !bytes.Contains(page, []byte("k9/")) && bytes.Contains(page, []byte("k")) {
			clear(page)
			lost++
		}
	}
	require.Greater(t, lost, 50)
	path := filepath.Join(t.TempDir(), "records.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	d := open(t, path)
	all, err := d.Scan(t.Context(), "k9/", "", storage.MaxScan)
	require.NoError(t, err)
	require.Len(t, all, 50)
	rest, err := d.Scan(t.Context(), "k9/", all[29].Key, storage.MaxScan)
	require.NoError(t, err)
	require.Equal(t, all[30:], rest)
	_, err = d.Scan(t.Context(), "k5/", "", storage.MaxScan)
	require.ErrorIs(t, err, storage.ErrDamaged, "the others are lost indeed")
}

func TestFileThatIsNoFileIsRefused(t *testing.T) {
	t.Parallel()
	_, err := sqlitestore.Open(t.Context(), t.TempDir(), nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = sqlitestore.Open(t.Context(), "", nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = sqlitestore.Open(t.Context(), "/dev/null", nil)
	require.Error(t, err)
}

// A new database in the place of a lost one would take the old log for its own.
func TestLogWithoutItsDatabaseIsNotPlayedIntoANewOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "records.db")
	d := open(t, path)
	put(t, d, "a", "1")
	log, err := os.ReadFile(path + "-wal")
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path+"-wal", log, 0o600))
	_, err = sqlitestore.Open(t.Context(), path, nil)
	require.ErrorIs(t, err, storage.ErrDamaged)
	require.NoFileExists(t, path)
	left, err := os.ReadFile(path + "-wal")
	require.NoError(t, err)
	require.Equal(t, log, left, "the log is evidence")
}

func TestDeletedAndReplacedValuesAreGoneFromTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	secret := func(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("secret-%03d;", i)), 700) }
	d := open(t, path)
	for i := range 60 {
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: fmt.Sprint("k", i), Value: secret(i)}}))
	}
	for i := range 50 {
		write := storage.Write{Key: fmt.Sprint("k", i), Delete: i%2 == 0, Value: []byte("replaced")}
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{write}))
	}
	require.NoError(t, d.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range 60 {
		require.Equal(t, i >= 50, bytes.Contains(content, []byte(fmt.Sprintf("secret-%03d;", i))), "value %d", i)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 2, "the database and its lock")
}
