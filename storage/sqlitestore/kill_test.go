package sqlitestore_test

import (
	"path/filepath"
	"testing"

	_ "reconnect.example/storage/sqlitestore"
	"reconnect.example/storage/storagetest"
)

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	storagetest.RunKill(t, func(t testing.TB) string {
		return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "records.db"))
	})
}
