package sqlitestore_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

// disk mounts a small disk of its own, which can be filled and made read-only.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "none", dir).CombinedOutput(); err != nil {
		if os.Getenv("RECONNECT_TEST_ALL") == "1" {
			t.Fatalf("this test must mount a disk: %v: %s", err, out)
		}
		t.Skipf("this test must mount a disk: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir
}

func TestFullDiskLosesNothingAcknowledgedAndGoesOnWhenThereIsSpace(t *testing.T) {
	t.Parallel()
	dir := disk(t, "4m")
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600))
	path := filepath.Join(dir, "records.db")
	d, err := sqlitestore.Open(t.Context(), path, nil)
	require.NoError(t, err)

	acknowledged := 0
	put := func() error {
		return d.Commit(t.Context(), nil, []storage.Write{
			{Key: fmt.Sprintf("a%06d", acknowledged), Value: make([]byte, 30000)},
			{Key: fmt.Sprintf("b%06d", acknowledged), Value: make([]byte, 30000)},
		})
	}
	for err == nil {
		if err = put(); err == nil {
			acknowledged++
		}
	}
	require.ErrorIs(t, err, storage.ErrNoSpace)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	require.Greater(t, acknowledged, 5)
	require.ErrorIs(t, put(), storage.ErrNoSpace, "it stays full")

	requireAll := func() {
		page, err := d.Scan(t.Context(), "", "", storage.MaxScan)
		require.NoError(t, err)
		require.Len(t, page, 2*acknowledged, "all that was acknowledged, and nothing else")
	}
	requireAll()
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, put())
	acknowledged++
	require.NoError(t, d.Close())
	d, err = sqlitestore.Open(t.Context(), path, nil)
	require.NoError(t, err)
	requireAll()
	require.NoError(t, d.Close())
}

func TestFullDiskIsToldWhenOpening(t *testing.T) {
	t.Parallel()
	dir := disk(t, "1m")
	path := filepath.Join(dir, "records.db")
	ballast := filepath.Join(dir, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 2<<20), 0o600) // as much as there is room for
	_, err := sqlitestore.Open(t.Context(), path, nil)
	require.ErrorIs(t, err, storage.ErrNoSpace)
	require.NoFileExists(t, path)

	require.NoError(t, os.Remove(ballast))
	d, err := sqlitestore.Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_ = os.WriteFile(ballast, make([]byte, 2<<20), 0o600)
	d, err = sqlitestore.Open(t.Context(), path, nil)
	if err == nil { // there may be just room for an empty log
		err = d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: make([]byte, 30000)}})
		require.NoError(t, d.Close())
	}
	require.ErrorIs(t, err, storage.ErrNoSpace)
}

func TestReadOnlyDiskIsToldWhenOpening(t *testing.T) {
	t.Parallel()
	dir := disk(t, "1m")
	d, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "records.db"), nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range []string{"records.db", "new.db"} {
		_, err = sqlitestore.Open(t.Context(), filepath.Join(dir, name), nil)
		require.ErrorIs(t, err, storage.ErrReadOnly, name)
	}
}

const limitedFiles = "SQLITESTORE_TEST_LIMITED_FILES"

// A quota, as against a full disk: writing fails with another error.
func TestFileThatMayNotGrowLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(limitedFiles); path != "" {
		writeUpToTheLimit(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "records.db")
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestFileThatMayNotGrowLosesNothingAcknowledged$")
	child.Env = append(os.Environ(), limitedFiles+"="+path)
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	page, err := open(t, path).Scan(t.Context(), "", "", storage.MaxScan)
	require.NoError(t, err)
	require.Greater(t, len(page), 10)
}

func writeUpToTheLimit(t *testing.T, path string) {
	signal.Ignore(syscall.SIGXFSZ)
	d := open(t, path)
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: before.Max}))
	acknowledged := 0
	put := func() error {
		key := fmt.Sprintf("a%06d", acknowledged)
		return d.Commit(t.Context(), []storage.Check{{Key: key}}, []storage.Write{{Key: key, Value: make([]byte, 30000)}})
	}
	var err error
	for err == nil {
		if err = put(); err == nil {
			acknowledged++
		}
	}
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, put(), "the record is not there, and there is room now")
	acknowledged++
	page, err := d.Scan(t.Context(), "", "", storage.MaxScan)
	require.NoError(t, err)
	require.Len(t, page, acknowledged)
}
