package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// FuzzKeyFile: 32 bytes that are not all zero are a key file, and nothing else
// is; it is never replaced.
func FuzzKeyFile(f *testing.F) {
	f.Add(bytes.Repeat([]byte{7}, 32), []byte("plain"))
	f.Add(make([]byte, 32), []byte{})
	f.Add([]byte{}, []byte{1})
	f.Add(bytes.Repeat([]byte{7}, 33), []byte{1, 1, 0, 37, 0, 0, 0, 0})
	f.Add(append(bytes.Repeat([]byte{7}, 32), '\n'), []byte{1, 1, 0, 37})
	f.Fuzz(func(t *testing.T, content, bytes []byte) {
		path := filepath.Join(t.TempDir(), KeyFileName)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		k, err := OpenKeyFile(path)
		after, readErr := os.ReadFile(path)
		require.NoError(t, readErr)
		require.Equal(t, content, after)
		if err != nil {
			require.ErrorIs(t, err, vault.ErrKeyService)
			return
		}
		require.Equal(t, content, k.key.Bytes())
		_, err = k.Decrypt(t.Context(), bytes)
		require.Error(t, err, "nobody sealed this")
		sealed, err := k.Encrypt(t.Context(), bytes)
		require.NoError(t, err)
		plain, err := k.Decrypt(t.Context(), sealed)
		require.NoError(t, err)
		require.Equal(t, string(bytes), string(plain))
	})
}
