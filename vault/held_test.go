package vault_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// manager lets somebody new open the relay with all its compartments.
func (tn *town) manager(t testing.TB) vault.Guest {
	t.Helper()
	boss := space(t, tn.Vaults, seal.KindWorker, "manager's own password")
	keys, err := boss.OwnKeys(t.Context())
	require.NoError(t, err)
	require.NoError(t, tn.relay.AddHolder(t.Context(), boss.ID(), nil, vault.Secret{Password: sheet}))
	return vault.Guest{Actor: vault.Actor{Kind: vault.ActorWorker, ID: boss.ID().String(), Name: "Boss"}, Signer: keys.Signer, Holder: boss.ID(), Keys: keys.Inboxes}
}

// The store spoils one keyslot. The other manager still opens the relay, and takes
// its keys from somebody who leaves.
func TestOneAlteredKeyslotStopsNobodyElse(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(p storagetest.Piece){
		"altered": func(p storagetest.Piece) { p.Flip(100) },
		"dropped": func(p storagetest.Piece) { p.Drop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
			tn := newTown(t, &vaulttest.Options{Records: host, Documents: host.Blobs()})
			slots := tn.relay.ID().String() + "/s/"
			one, other := tn.manager(t), tn.manager(t)
			before := host.Records(slots)
			spoilt := tn.manager(t)
			for _, key := range host.Records(slots) {
				if !slices.Contains(before, key) {
					spoil(host.Record(key))
				}
			}
			_, err := tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), spoilt)
			require.ErrorIs(t, err, vault.ErrTampered)
			v, err := tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), other)
			require.NoError(t, err)
			holders, err := v.Holders(t.Context(), vault.Secret{})
			require.ErrorIs(t, err, vault.ErrTampered)
			require.Len(t, holders, 2)
			require.NoError(t, v.RemoveHolder(t.Context(), one.Holder, vault.Secret{}, "another sheet 4712"))
			_, err = tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), one)
			require.ErrorIs(t, err, vault.ErrEnded)
			v, err = tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), other)
			require.NoError(t, err)
			holders, err = v.Holders(t.Context(), vault.Secret{})
			require.NoError(t, err)
			require.Equal(t, []vault.ID{other.Holder}, holders)
		})
	}
}

// Nobody signs in to a relay's space. What was broken off there, or is owed, is
// done when a manager opens it the next time.
func TestAManagerPaysWhatARelayOwes(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	boss := tn.manager(t)
	for n := range 3 {
		_, err := tn.relay.AddData(t.Context(), "roster", []byte{byte(n)}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
	}
	second := space(t, tn.Vaults, seal.KindWorker, "second worker's password")
	g, err := tn.relay.Give(t.Context(), vault.NewGrant{Holder: second.ID(), Scope: vault.ScopeTeam}, vault.Secret{Password: sheet})
	require.NoError(t, err)
	require.NoError(t, tn.relay.End(t.Context(), tn.member, nil))
	_, err = tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), boss)
	require.NoError(t, err)
	v, err := tn.enter(t, second, g.ID)
	require.NoError(t, err)
	keys, err := v.OwnKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys.Inboxes, 1, "new keys, and nothing lies under the former ones")
	p, err := tn.Public(t.Context(), tn.relay.ID(), nil)
	require.NoError(t, err)
	require.Equal(t, p.Inbox, []byte(keys.Inboxes[0].Public()))
	all, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, all, 3)
}
