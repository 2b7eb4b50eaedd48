package api

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// What a store that is not honest does behind the back of the API.

// alterItem flips one bit in the record of an item.
func (s *server) alterItem(t *testing.T, p *person, id string) {
	t.Helper()
	key := p.vault.ID().String() + "/i/" + id
	require.NoError(t, s.vaults.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		record, err := tx.Get(key)
		if err != nil {
			return err
		}
		altered := []byte(strings.Clone(string(record.Value)))
		altered[len(altered)/2] ^= 1
		tx.Put(key, altered)
		return nil
	}))
}

// alterEndOfBlob flips the last bit of what is stored of a document.
func (s *server) alterEndOfBlob(t *testing.T, p *person, id string) {
	t.Helper()
	blob := ok[Metadata](p.call("GET", "/documents/"+id+"/metadata", nil), 200).Parts[0].Blob
	r, err := s.vaults.Blobs.Open(t.Context(), blob, 0, -1)
	require.NoError(t, err)
	stored, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	stored[len(stored)-1] ^= 1
	require.NoError(t, s.vaults.Blobs.Delete(t.Context(), blob))
	w, err := s.vaults.Blobs.Create(t.Context(), blob, int64(len(stored)))
	require.NoError(t, err)
	_, err = w.Write(stored)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}
