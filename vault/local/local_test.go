package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

func newPerson(t *testing.T, l *local.Local) *vault.Vault {
	t.Helper()
	testkeys.UseCheapKDF()
	v, err := l.Create(t.Context(), vault.CreateRequest{
		Password: "bato kiru mesa", Consent: true, Notice: vault.Notice{Version: "1", Language: "fr", Text: "Ce que nous gardons."},
	})
	require.NoError(t, err)
	return v
}

func TestOneProcessAtATimeAndItsFilesAreItsOwn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	l, err := local.Open(dir)
	require.NoError(t, err)
	newPerson(t, l)
	_, err = local.Open(dir)
	require.ErrorIs(t, err, storage.ErrInUse)
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s can be read by others", path)
		return nil
	}))
	require.NoError(t, l.Close())
	l, err = local.Open(dir)
	require.NoError(t, err, "free again, and as it was")
	require.NoError(t, l.Close())
}

func TestKeyFileIsNeverReplacedAndNeverShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := local.Open(dir)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	key := filepath.Join(dir, local.KeyFileName)
	good, err := os.ReadFile(key)
	require.NoError(t, err)

	require.NoError(t, os.Chmod(key, 0o644))
	_, err = local.Open(dir)
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.Chmod(key, 0o600))

	for _, bad := range []string{"", "short", strings.Repeat("x", 33)} {
		require.NoError(t, os.WriteFile(key, []byte(bad), 0o600))
		_, err = local.Open(dir)
		require.ErrorIs(t, err, vault.ErrKeyService)
		now, err := os.ReadFile(key)
		require.NoError(t, err)
		require.Equal(t, bad, string(now))
	}
	require.NoError(t, os.Remove(key))
	_, err = local.Open(dir)
	require.ErrorIs(t, err, vault.ErrKeyService, "another key opens nothing of this folder")
	require.NoError(t, os.WriteFile(key, good, 0o600))
	l, err = local.Open(dir)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestTheKeysOfARestoreAreMadeOnceAndNeverReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := local.Open(dir)
	require.NoError(t, err)
	signs := l.Witness.PublicKey()
	require.NoError(t, l.Close())
	operator, err := local.OperatorKey(dir)
	require.NoError(t, err)
	require.NotEqual(t, signs, operator.Seed())
	require.NotEqual(t, witness.PublicKey(signs), operator.Public(), "it takes two")

	l, err = local.Open(dir)
	require.NoError(t, err)
	require.Equal(t, signs, l.Witness.PublicKey())
	require.NoError(t, l.Close())
	for _, name := range []string{local.WitnessKeyName, local.OperatorKeyName} {
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Len(t, good, 32)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
		_, err = local.Open(dir)
		require.ErrorIs(t, err, witness.ErrInvalid)
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "short", string(now))
		require.NoError(t, os.WriteFile(path, good, 0o600))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, local.OperatorKeyName))) // it is kept elsewhere
	public := operator.Public()
	l, err = local.OpenWith(t.Context(), dir, &local.Options{Operator: public[:]})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = os.Stat(filepath.Join(dir, local.OperatorKeyName))
	require.ErrorIs(t, err, os.ErrNotExist, "and none is made in its place")
	_, err = local.OpenWith(t.Context(), dir, &local.Options{Operator: signs})
	require.ErrorIs(t, err, witness.ErrInvalid, "one key is one party")
}

func TestWhatIsDueIsSweptInTheBackground(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	l, err := local.OpenWith(t.Context(), t.TempDir(), &local.Options{
		SweepEvery: time.Millisecond,
		Now:        func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	v := newPerson(t, l)
	it, err := v.AddDocument(t.Context(), vault.NewDocument{Name: "Carte"}, strings.NewReader("a paper"))
	require.NoError(t, err)
	m, err := v.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.NoError(t, v.Destroy(t.Context(), it.ID, it.Revision))
	_, err = l.Blobs.Size(t.Context(), m.Parts[0].Blob)
	require.NoError(t, err, "whoever is reading it may finish")
	ahead.Store(int64(3 * time.Hour))
	require.Eventually(t, func() bool {
		_, err := l.Blobs.Size(t.Context(), m.Parts[0].Blob)
		return err != nil
	}, 20*time.Second, 5*time.Millisecond)
}
