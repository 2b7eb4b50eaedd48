package engines_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/localsecrets"

	"reconnect.example/internal/testkeys"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

const aKey = "base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4="

func parse(t *testing.T, args ...string) *config.Config {
	t.Helper()
	testkeys.UseCheapKDF()
	c, err := config.Parse(args, io.Discard)
	require.NoError(t, err)
	return c
}

func TestAKeyServiceOpensWhatItSealed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "service.key")
	require.NoError(t, os.WriteFile(file, []byte("0123456789abcdef0123456789abcdef"), 0o600))
	for _, keys := range []string{aKey, "file://" + file} {
		keeper, closeKeeper, err := engines.OpenKeeper(t.Context(), parse(t, "--keys", keys))
		require.NoError(t, err)
		sealed, err := keeper.Encrypt(t.Context(), []byte("a key"))
		require.NoError(t, err)
		opened, err := keeper.Decrypt(t.Context(), sealed)
		require.NoError(t, err)
		require.Equal(t, "a key", string(opened))
		require.NoError(t, closeKeeper())
	}
}

// What was sealed by the library that knew this scheme first stays open, and who
// goes on with that library can.
func TestAGivenKeySealsAsGocloudDoes(t *testing.T) {
	t.Parallel()
	ours, _, err := engines.OpenKeeper(t.Context(), parse(t, "--keys", aKey))
	require.NoError(t, err)
	theirs, err := secrets.OpenKeeper(t.Context(), aKey)
	require.NoError(t, err)
	defer func() { require.NoError(t, theirs.Close()) }()
	for _, way := range [][2]vault.Keeper{{ours, theirs}, {theirs, ours}} {
		sealed, err := way[0].Encrypt(t.Context(), []byte("a key"))
		require.NoError(t, err)
		opened, err := way[1].Decrypt(t.Context(), sealed)
		require.NoError(t, err)
		require.Equal(t, "a key", string(opened))
	}
	sealed, err := ours.Encrypt(t.Context(), []byte("a key"))
	require.NoError(t, err)
	for i := range sealed {
		sealed[i] ^= 1
		_, err := ours.Decrypt(t.Context(), sealed)
		require.Error(t, err, "byte %d was changed", i)
		_, err = ours.Decrypt(t.Context(), sealed[:i])
		require.Error(t, err, "cut after %d bytes", i)
		sealed[i] ^= 1
	}
}

func TestAKeyServiceThatCannotBeOpenedGivesNothingAway(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "service.key")
	for _, keys := range []string{"base64key://", "base64key://geheim", "base64key://geheim?x=geheim", "hashivault://geheim", "file://" + missing, "file://geheim/x", "file:///x?geheim"} {
		_, _, err := engines.OpenKeeper(t.Context(), parse(t, "--keys", keys))
		require.ErrorIs(t, err, vault.ErrKeyService, keys)
		require.NotContains(t, err.Error(), "geheim", keys)
	}
	require.NoFileExists(t, missing, "a key file that was named is never made: a new one would open nothing")
}

// The wait is the operator's, from the configuration to the record of a death.
func TestAWishIsCarriedOutAfterTheWaitOfTheOperator(t *testing.T) {
	t.Parallel()
	e, err := engines.Open(t.Context(), parse(t, "--data", filepath.Join(t.TempDir(), "data"), "--death-wait", "40", "--unseen-after", "7"))
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	v, err := e.Create(t.Context(), vault.CreateRequest{Password: "mirabelle quiche 42", Notice: vault.Notice{Version: "1", Language: "fr", Text: "x"}, Consent: true})
	require.NoError(t, err)
	require.NoError(t, v.SetWish(t.Context(), vault.WantErase))
	d, err := e.RecordDeath(t.Context(), v.ID(), vault.DeathRecord{By: "operator", Organisation: "x", Evidence: "y"})
	require.NoError(t, err)
	require.Equal(t, 40*24*time.Hour, d.ErasedAt.Sub(d.Recorded))
	require.Equal(t, 7, e.Config(parse(t, "--unseen-after", "7")).UnseenAfter)
}

// An opening that fails half-way lets go of everything, and so does Close.
func TestNothingStaysOpen(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	_, err := engines.Open(t.Context(), parse(t, "--data", data, "--keys", "base64key://"))
	require.ErrorIs(t, err, vault.ErrKeyService)
	for range 2 {
		e, err := engines.Open(t.Context(), parse(t, "--data", data))
		require.NoError(t, err)
		_, err = engines.Open(t.Context(), parse(t, "--data", data))
		require.ErrorIs(t, err, storage.ErrInUse)
		_, err = e.Sweep(t.Context())
		require.NoError(t, err)
		require.NotNil(t, e.Restore, "a backup can be put back")
		require.NoError(t, e.Close())
	}
	_, err = engines.OpenRecords(t.Context(), parse(t, "--data", filepath.Join(data, "none")), true)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

func TestAStoreElsewhereIsNamedByItsSetting(t *testing.T) {
	t.Parallel()
	for flag, args := range map[string][]string{
		"--records": {"--alone", "--records", "postgres://safe:geheim@127.0.0.1:1/safe"},
		"--blobs":   {"--blobs", "s3://geheim@vault?region=x"},
	} {
		_, err := engines.Open(t.Context(), parse(t, append(args, "--data", filepath.Join(t.TempDir(), "data"))...))
		var named *engines.NamedError
		require.ErrorAs(t, err, &named)
		require.Equal(t, flag, named.Flag)
		require.NotContains(t, err.Error(), "geheim")
	}
}
