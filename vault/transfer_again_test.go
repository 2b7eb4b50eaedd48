package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Who does not know yet that it was taken in asks where to go on: the whole bundle would
// lie once more where no space is reserved for it any more.
func TestABundleThatWasTakenInIsNotSentOnceMore(t *testing.T) {
	t.Parallel()
	var known *knownBlobs
	old, next := twoOperators(t, &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs {
		known = newKnownBlobs(b)
		return known
	}})
	code := await(t, next)
	_, err := old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
	require.NoError(t, err)
	sendAll(t, old, next.Vaults)
	a, err := next.v.OpenArrival(t.Context())
	require.NoError(t, err)
	late, err := next.v.OpenArrival(t.Context()) // in another window
	require.NoError(t, err)
	_, err = next.v.AcceptArrival(t.Context(), a, 6, 0)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	was := known.there(t)

	_, err = late.ReadAt(make([]byte, 100), 0)
	require.ErrorIs(t, err, vault.ErrNotFound, "it was taken in, not altered")
	require.NoError(t, late.Close())
	_, err = next.v.OpenArrival(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound)
	left, err := old.v.SendDeparture(t.Context(), next.Vaults)
	require.NoError(t, err)
	require.Zero(t, left, "all of it was there")
	require.Equal(t, was, known.there(t))
	_, confirmed, err := old.v.ConfirmDeparture(t.Context(), next.Vaults)
	require.NoError(t, err)
	require.True(t, confirmed)
}
