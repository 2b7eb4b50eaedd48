package boltstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Place: func(t testing.TB) func() (storage.Driver, error) {
			path := filepath.Join(t.TempDir(), "records.bolt")
			return func() (storage.Driver, error) { return Open(path) }
		},
	})
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	storagetest.RunKill(t, func(t testing.TB) string { return "bolt://" + filepath.Join(t.TempDir(), "records.bolt") })
}

func TestASecondOpeningIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.bolt")
	first, err := Open(path)
	require.NoError(t, err)
	defer first.Close()
	_, err = Open(path)
	require.ErrorIs(t, err, storage.ErrInUse)
}

func TestAnotherFileIsNotTakenForAStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.bolt")
	require.NoError(t, os.WriteFile(path, make([]byte, 16<<10), 0o600))
	_, err := Open(path)
	require.ErrorIs(t, err, storage.ErrDamaged)
	_, err = storage.Open(t.Context(), "bolt://host/records.bolt")
	require.ErrorIs(t, err, storage.ErrInvalid)
	_, err = Open(filepath.Join(t.TempDir(), "no", "records.bolt"))
	require.Error(t, err)
	require.NotErrorIs(t, err, storage.ErrNotFound)
}
