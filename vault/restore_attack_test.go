package vault_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// scanned calls before at each scan.
type scanned struct {
	storage.Driver
	before func(prefix string)
}

func (s *scanned) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	s.before(prefix)
	return s.Driver.Scan(ctx, prefix, after, limit)
}

// A store waits until the password was looked at and then shows yesterday's owner
// side: what the vault signs for the new epoch must not be that one (C3, N16).
func TestNoOldOwnerSideIsTakenOverIntoANewEpoch(t *testing.T) {
	t.Parallel()
	between := func(string) {}
	r := newRestorable(t, vaulttest.New(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver {
		return &scanned{d, func(prefix string) { between(prefix) }}
	}}))
	old := *r.person
	day, taken := r.backup(t), r.stage.Clock.Now()
	const next = "gato niru pesa fova"
	require.NoError(t, r.signIn(t).ChangePassword(t.Context(), vault.ChangePassword{Old: old.Password, New: next}))
	r.person.Password = next
	r.stage.Clock.Advance(time.Hour)
	r.putBack(t, day)
	r.state(t, 1, taken)

	id, done := r.id().String(), false
	between = func(prefix string) {
		if prefix != id+"/h/" || done {
			return
		}
		done = true
		for key, value := range day {
			if strings.HasPrefix(key, id+"/") && !strings.HasPrefix(key, id+"/h/p") && !strings.HasPrefix(key, id+"/h/s") {
				set(t, r.stage.Store, key, value)
			}
		}
	}
	_, err := r.Unlock(t.Context(), r.person.Secret())
	require.True(t, done)
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = r.Unlock(t.Context(), old.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn, "the old password stays dead")
}

// After a restore a store shows heads of the days that were left behind: their
// versions are higher than those of the new epoch.
func TestHeadsOfAnEpochThatWasLeftBehindAreStale(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	day, taken := r.backup(t), r.stage.Clock.Now()
	v := r.signIn(t)
	for range 8 {
		addNote(t, v, "left behind", "")
	}
	behind := r.backup(t)
	r.putBack(t, day)
	r.state(t, 1, taken)
	addNote(t, r.signIn(t), "since", "")
	r.restart(t)

	id := r.id().String()
	for key, value := range behind {
		for _, part := range []string{"/h/p", "/h/j", "/i/", "/x/p", "/j/"} {
			if strings.HasPrefix(key, id+part) {
				set(t, r.stage.Store, key, value)
			}
		}
	}
	r.requireStale(t, r.Vaults)
}

// A thief of a client's credential raises checkpoints again while a statement
// waits: the next statement sets it right.
func TestCheckpointsThatAreRaisedWhileAStatementWaitsAreSetRight(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	addNote(t, r.person.Vault, "kept", "")
	r.restart(t)
	for epoch := range uint64(3) {
		if epoch > 0 {
			r.state(t, epoch, r.stage.Clock.Now())
		}
		_, err := r.witness.Raise(t.Context(), r.id(), []vault.Checkpoint{{Head: "private", Restore: epoch, Version: 1<<64 - 1, Hash: [32]byte{1}}}, nil, true)
		require.NoError(t, err)
		_, err = r.Unlock(t.Context(), r.person.Secret())
		require.ErrorIs(t, err, vault.ErrStale)
		r.stage.Clock.Advance(vaultWait)
		r.restart(t)
	}
	r.state(t, 3, r.stage.Clock.Now())
	require.Equal(t, []string{"kept"}, papers(t, r.signIn(t)))
}
