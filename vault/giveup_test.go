package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

func TestWhoWasLetInCanGiveItUpAndThePersonReadsWho(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeSee)
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	require.NoError(t, v.GiveUp(t.Context()))
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrClosed)
	_, err = tn.open(t, grant)
	require.ErrorIs(t, err, vault.ErrEnded)
	entries, err := tn.v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActGrantEnded, entries[0].Act)
	require.Equal(t, "Samir", entries[0].Actor.Name)
	require.Equal(t, "holder", entries[0].Detail["by"])
	require.ErrorIs(t, tn.v.GiveUp(t.Context()), vault.ErrNotAllowed, "the person withdraws")
	require.ErrorIs(t, tn.atRelay(t).GiveUp(t.Context()), vault.ErrNotAllowed, "a team has its own way")
}

// The person need not sign in anew to be told, nor to let the same relay in again.
func TestWhatWasGivenUpIsOverForWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeSee)
	stays := tn.follow(t, vault.ScopeAdd)
	key := tn.v.ID().String() + "/g/" + grant.String()
	before, err := tn.Store.Get(t.Context(), key)
	require.NoError(t, err)
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	require.NoError(t, v.GiveUp(t.Context()))

	all, err := tn.v.Grants(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, g := range all {
		if g.ID == stays {
			require.Zero(t, g.Ended)
			continue
		}
		require.Equal(t, vault.EndedByHolder, g.EndedBy)
		require.Equal(t, tn.Clock.Now(), g.Ended)
	}
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put(key, before.Value); return nil }))
	_, err = tn.open(t, grant)
	require.ErrorIs(t, err, vault.ErrEnded, "also to a store that brings the record back (C4)")
	_, err = tn.open(t, stays)
	require.NoError(t, err)
	require.ErrorIs(t, tn.v.End(t.Context(), grant, nil), vault.ErrEnded)
}

func TestANoteGoesWithItsGrantOrItsTime(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	key := tn.relay.ID().String() + "/in/f/one"
	put := func(tx *storage.Tx, _ vault.Grant) error {
		tx.Put(key, []byte("note"))
		return nil
	}
	g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Note: key, Also: put}, tn.secret())
	require.NoError(t, err)
	_, err = tn.Store.Get(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, tn.v.End(t.Context(), g.ID, nil))
	_, err = tn.Store.Get(t.Context(), key)
	require.ErrorIs(t, err, storage.ErrNotFound)
	for _, other := range []string{"x", tn.relay.ID().String() + "/h/o", tn.v.ID().String() + "/in/f/one"} {
		_, err = tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Note: other}, tn.secret())
		require.ErrorIs(t, err, vault.ErrInvalid, "only a note to the holder")
	}

	// A sweeper deletes notes when their time is over, and nothing else by such an entry.
	id := tn.relay.ID().String()
	_, ok := vault.NoteDue(id+"/h/o", tn.Clock.Now())
	require.False(t, ok)
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		for _, rest := range []string{"in/f/one", "in/v/two", "at/three", "h/o", "in/s/deposit"} {
			if rest != "h/o" {
				tx.Put(id+"/"+rest, []byte("there"))
			}
			tx.Put(storage.DueKey(tn.Clock.Now(), id, "note-"+rest), nil)
		}
		return nil
	}))
	tn.Clock.Advance(time.Hour)
	_, err = tn.Sweep(t.Context())
	require.NoError(t, err)
	for rest, stays := range map[string]bool{"in/f/one": false, "in/v/two": false, "at/three": false, "h/o": true, "in/s/deposit": true} {
		_, err := tn.Store.Get(t.Context(), id+"/"+rest)
		require.Equal(t, stays, err == nil, rest)
	}
}

func TestDataIsTakenInWithWhatItCameFromOrNotAtAll(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	v := tn.atRelay(t)
	refused := errors.New("somebody else was faster")
	_, err := v.TakeData(t.Context(), "one", []byte("data"), vault.Place{Compartment: vault.Shared}, func(*storage.Tx) error { return refused })
	require.ErrorIs(t, err, refused)
	all, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = v.TakeData(t.Context(), "one", []byte("data"), vault.Place{Compartment: vault.Shared}, func(tx *storage.Tx) error {
		tx.Put("beside", []byte("it"))
		return nil
	})
	require.NoError(t, err)
	_, err = tn.Store.Get(t.Context(), "beside")
	require.NoError(t, err)
}

func TestTheServiceCountersignsReceiptsOnly(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	c := seal.Context{Type: seal.TypeReceipt, Vault: tn.v.ID(), Object: []byte("receipt")}
	signature, err := tn.Countersign(c, []byte("message"))
	require.NoError(t, err)
	require.NoError(t, seal.VerifySignature(tn.PublicKey(), c, []byte("message"), signature))
	for _, other := range []seal.Context{
		{Type: seal.TypeReceipt, Vault: tn.v.ID()}, // of an erasure
		{Type: seal.TypeJournalHead, Vault: tn.v.ID(), Object: []byte("head")},
	} {
		_, err := tn.Countersign(other, []byte("message"))
		require.ErrorIs(t, err, vault.ErrNotAllowed)
	}
	require.NotEmpty(t, tn.v.Key())
	v, err := tn.open(t, tn.follow(t, vault.ScopeSee))
	require.NoError(t, err)
	require.Nil(t, v.Key())
}
