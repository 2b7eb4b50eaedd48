package vault_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/backup"
)

// What waits is in a backup with its blobs, and is taken in from what was put back.
func TestWhatWaitsComesBackFromABackup(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	worker, it := tn.sharing(t, vault.ScopeAdd, content(1, 5000))
	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, 1))
	left, err := tn.giver(t).LeaveDocument(t.Context(), vault.NewDocument{Name: "scan", MediaType: "image/png"}, bytes.NewReader(content(2, 7000)))
	require.NoError(t, err)

	folder := t.TempDir()
	shelf, err := filestore.Open(filepath.Join(folder, backup.DocumentsName), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, shelf.Close()) })
	name, m, err := backup.Take(t.Context(), backup.Source{Store: tn.Store, Blobs: tn.Blobs, Now: tn.Clock.Now}, folder, shelf)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Documents)
	require.NoError(t, tn.Vaults.Close()) // the witness knows the heads
	records, documents := memstore.New(), memstore.NewBlobs()
	_, missing, err := backup.Restore(t.Context(), folder, name, shelf, backup.Target{Store: storage.New(records), Blobs: documents})
	require.NoError(t, err)
	require.Empty(t, missing)

	opts := tn.opts()
	opts.Driver = func(storage.Driver) storage.Driver { return records }
	opts.Blobs = func(storage.Blobs) storage.Blobs { return documents }
	fresh := tn.Another(t, opts)
	tn.register.service = fresh.Vaults
	v := tn.person.SignIn(t, fresh)
	require.Equal(t, content(1, 5000), read(t, v, it.ID))
	require.Equal(t, content(2, 7000), read(t, v, left.Item))
	require.Empty(t, waiting(t, fresh.Store, v.ID()))
	requireBooks(t, fresh, v.ID())
}
