package storagetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

func TestEachCommitIsSaidBeforeItIsMade(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	var said []int
	s := &storagetest.Spoken{Say: func(n int) {
		said = append(said, n)
		page, err := d.Scan(t.Context(), "", "", 10)
		require.NoError(t, err)
		require.Len(t, page, n, "the one of the preparation, and those before it")
	}}
	over := s.Over(d)
	put := func(key string) {
		require.NoError(t, over.Commit(t.Context(), nil, []storage.Write{{Key: key, Value: []byte("x")}}))
	}
	put("prepared")
	s.Begin()
	put("a")
	require.NoError(t, over.Commit(t.Context(), []storage.Check{{Key: "b"}}, nil), "which writes nothing")
	put("b")
	require.Equal(t, []int{1, 2}, said)
	require.Equal(t, 2, s.Commits())
}
