package vault_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// newPutBack is a service whose store was just put back to a day before the
// password was changed, with what the witness kept.
func newPutBack(t *testing.T) (r *restorable, owner []byte, side []vault.Kept) {
	t.Helper()
	r = newRestorable(t, vaulttest.New(t, nil))
	addNote(t, r.person.Vault, "kept", "")
	day := r.backup(t)
	const next = "gato niru pesa fova"
	require.NoError(t, r.signIn(t).ChangePassword(t.Context(), vault.ChangePassword{Old: r.person.Password, New: next}))
	r.person.Password = next
	r.restart(t)
	putBack(t, r.stage.Store, day)
	owner, side, err := r.witness.OwnerSide(t.Context(), r.id())
	require.NoError(t, err)
	return r, owner, side
}

func ownerHead(t *testing.T, r *restorable, record []byte) *seal.OwnerHead {
	t.Helper()
	h, err := seal.OpenOwnerHead(r.id(), record)
	require.NoError(t, err)
	return h
}

// A witness alone must not be able to make anything disappear in a restore.
func TestAWitnessThatLiesInARestoreDestroysNothing(t *testing.T) {
	t.Parallel()
	r, owner, side := newPutBack(t)
	before := dump(t, r.stage.Store)
	stranger, later := seal.NewSigningKey(), *ownerHead(t, r, owner)
	later.Version, later.Key = later.Version+10, stranger.Public()
	forged, err := stranger.SealOwnerHead(&later)
	require.NoError(t, err)
	tombstone, err := stranger.SealOwnerHead(&seal.OwnerHead{
		Vault: r.id(), Version: later.Version, Key: stranger.Public(), Erased: r.stage.Clock.Now().UnixMilli(),
	})
	require.NoError(t, err)
	for _, lie := range [][]byte{forged, tombstone} {
		_, err = r.PutBackOwner(t.Context(), r.id(), lie, side)
		require.ErrorIs(t, err, vault.ErrUntrustedKey)
	}
	_, err = r.PutBackOwner(t.Context(), r.id(), []byte("no head"), side)
	require.ErrorIs(t, err, vault.ErrTampered)
	moved := slices.Clone(side)
	moved[0].Key, moved[1].Key = moved[1].Key, moved[0].Key
	for _, less := range [][]vault.Kept{nil, {}, side[1:], moved} {
		_, err = r.PutBackOwner(t.Context(), r.id(), owner, less)
		require.ErrorIs(t, err, vault.ErrStale)
	}
	require.Equal(t, before, dump(t, r.stage.Store))

	_, err = r.PutBackOwner(t.Context(), r.id(), owner, side)
	require.NoError(t, err)
	r.state(t, 1, r.stage.Clock.Now())
	require.Equal(t, []string{"kept"}, papers(t, r.signIn(t)))
}

// Who has stolen a client's credential could keep, for a vault of their own
// invention, the login records of others: they would be locked out.
func TestAnOwnerSideBringsNothingOfOthers(t *testing.T) {
	t.Parallel()
	r, owner, side := newPutBack(t)
	day := dump(t, r.stage.Store)
	bilal := r.newPerson(t)
	var theirs []string // his login record and what lies under his vault
	for key := range dump(t, r.stage.Store) {
		if _, known := day[key]; !known {
			theirs = append(theirs, key)
		}
	}
	before := dump(t, r.stage.Store)
	mine := r.id().String()
	for _, key := range append(theirs, mine+"/h/s", mine+"/j/0000000000000001", mine+"/s/stray", mine+"/tomb", "svc/keys", "login/", "login/00") {
		side = append(side, vault.Kept{Key: key, Value: []byte("not yours")})
	}
	_, err := r.PutBackOwner(t.Context(), r.id(), owner, side)
	require.NoError(t, err)
	after := dump(t, r.stage.Store)
	for key, value := range before {
		if slices.Contains(theirs, key) || key == "svc/keys" || key == mine+"/h/s" || key == mine+"/j/0000000000000001" {
			require.Equal(t, value, after[key], key)
		}
	}
	for _, value := range after {
		require.NotEqual(t, []byte("not yours"), value)
	}
	_, err = r.Unlock(t.Context(), bilal.Secret())
	require.NoError(t, err)
	r.stage.Clock.Advance(time.Minute)
	r.state(t, 1, r.stage.Clock.Now())
	r.signIn(t)
}
