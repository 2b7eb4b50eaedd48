package vault_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Who was taken out in the middle of sealing grants anew would seal the next ones to
// a key that the relay does not use any more, and that they have.
func TestWhoDoesNotStandSealsNoGrantAnew(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeAdd)
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	keys.Signer = tn.own.Signer
	other, err := seal.NewBoxKey()
	require.NoError(t, err)
	keys.Inboxes = slices.Insert(slices.Clone(keys.Inboxes), 0, other)
	g := tn.guest(keys, tn.relay.ID(), "")
	g.Standing = func(context.Context, *storage.Tx, time.Time) error { return vault.ErrEnded }
	done, err := tn.Vaults.Rewrap(t.Context(), tn.v.ID(), grant, g)
	require.ErrorIs(t, err, vault.ErrEnded)
	require.False(t, done)
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	v.Close()
}
