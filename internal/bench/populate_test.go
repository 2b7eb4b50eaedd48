package main

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// What is measured in a large store is worth no more than its copies are like
// the vault that they are copied from.
func TestCopiesHaveTheRecordsOfTheSmallestVault(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	small, large := idText.EncodeToString(place(1, 3)), idText.EncodeToString(place(2, 3))
	records := map[string]int{
		small + "/h/o": 500, small + "/i/one": 700, "due/2026030209/" + small + "/new": 0,
		large + "/h/o": 500, large + "/i/one": 700, large + "/i/two": 900, large + "/i/three": 900,
		"login/" + strings.Repeat("ab", 32): 300, "svc/keys": 400,
	}
	require.NoError(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
		for key, length := range records {
			tx.Put(key, make([]byte, length))
		}
		return nil
	}))
	id, vault, err := smallest(t.Context(), store)
	require.NoError(t, err)
	require.Equal(t, small, idText.EncodeToString(id))
	require.ElementsMatch(t, []shape{
		{"*/h/o", 500}, {"*/i/one", 700}, {"due/2026030209/*/new", 0}, {"login/" + strings.Repeat("?", 64), 300},
	}, vault)

	const copies = 250
	require.NoError(t, fill(t.Context(), store, vault, copies, hex.EncodeToString))
	lengths := map[int]int{}
	for rec, err := range store.All(t.Context(), "") {
		require.NoError(t, err)
		require.NotContains(t, rec.Key, "*")
		require.NotContains(t, rec.Key, "?")
		if _, real := records[rec.Key]; !real {
			lengths[len(rec.Value)]++
		}
	}
	require.Equal(t, map[int]int{500: copies, 700: copies, 0: copies, 300: copies}, lengths, "no two have one name")
}
