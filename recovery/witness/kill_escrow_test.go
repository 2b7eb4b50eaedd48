package witness_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// putBackEnv makes this test binary one that puts keys back, into one new store after the
// other, until it is killed.
const putBackEnv = "WITNESS_TEST_PUT_BACK"

func readShares(folder string) (*witness.Escrow, error) {
	var texts [2]string
	for n := range texts {
		b, err := os.ReadFile(filepath.Join(folder, fmt.Sprint("share", n)))
		if err != nil {
			return nil, err
		}
		texts[n] = string(b)
	}
	return witness.OpenEscrow(texts[0], texts[1])
}

func putBackUntilKilled(folder string) error {
	e, err := readShares(folder)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		at := filepath.Join(folder, fmt.Sprint(n))
		if err := os.Mkdir(at, 0o700); err != nil {
			return err
		}
		store, err := openSQLite(at)
		if err != nil {
			return err
		}
		if err := e.PutBack(context.Background(), "lyon", store, noon); err != nil {
			return err
		}
		fmt.Println(n) // and killed before it is closed
		if err := store.Close(); err != nil {
			return err
		}
	}
}

// Not parallel, as the other one.
func TestKeysThatWereBackStayBackAfterAKill(t *testing.T) {
	folder := t.TempDir()
	h := newHouse(t)
	_, err := h.parts["lyon"].RenewKey(t.Context())
	require.NoError(t, err)
	for n, text := range h.shares(t) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprint("share", n)), []byte(text), 0o600))
	}
	e, err := readShares(folder)
	require.NoError(t, err)
	acknowledged := killChild(t, putBackEnv, folder, 5)
	for n := uint64(1); ; n++ {
		at := filepath.Join(folder, fmt.Sprint(n))
		if _, err := os.Stat(at); err != nil {
			require.Greater(t, n, acknowledged)
			return
		}
		store, err := openSQLite(at)
		require.NoError(t, err)
		all, err := store.Scan(t.Context(), "", "", 100)
		require.NoError(t, err)
		if n <= acknowledged {
			require.NotEmpty(t, all)
		}
		require.Contains(t, []int{0, 3 + len(e.Generations("lyon"))}, len(all), "all of it or nothing: a new key, which it is, the loss, and the others")
		require.NoError(t, e.PutBack(t.Context(), "lyon", store, noon))
		w, err := witness.New(witness.Config{Store: store})
		require.NoError(t, err)
		keys, err := w.Keys(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 1+len(e.Generations("lyon")))
		require.NoError(t, w.Close())
		require.NoError(t, store.Close())
	}
}
