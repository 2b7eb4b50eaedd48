package vault_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// doubtful is a directory that cannot say of some which key is theirs.
type doubtful struct {
	*register
	of map[vault.ID]error
}

func (d *doubtful) Holder(ctx context.Context, id vault.ID, pinned []byte) (vault.HolderKeys, error) {
	if err := d.of[id]; err != nil {
		return vault.HolderKeys{}, err
	}
	return d.register.Holder(ctx, id, pinned)
}

// Somebody leaves, while nothing can be said of another who holds a key: that one is
// given none, and holds nobody up.
func TestAHolderWithoutAKeyKeepsNobodyFromBeingTakenOut(t *testing.T) {
	t.Parallel()
	for _, why := range []error{vault.ErrEnded, vault.ErrUntrustedKey, vault.ErrTampered, vault.ErrStale, vault.ErrPolicy} {
		d := &doubtful{of: map[vault.ID]error{}}
		tn := newTown(t, nil)
		d.register = tn.register
		tn.Stage = tn.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return d, nil }})
		leaves, stays, bad := tn.manager(t), tn.manager(t), tn.manager(t)
		v, err := tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), stays)
		require.NoError(t, err)
		d.of[bad.Holder] = why
		require.NoError(t, v.RemoveHolder(t.Context(), leaves.Holder, vault.Secret{}, "another sheet 4712"), vault.Code(why))
		v, err = tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), stays)
		require.NoError(t, err)
		holders, err := v.Holders(t.Context(), vault.Secret{})
		require.NoError(t, err)
		require.Equal(t, []vault.ID{stays.Holder}, holders, "who cannot be given keys has none")
	}
}

// The person reads a key from a screen. What they saw first goes on to count, too:
// a screen that shows another relay's key, which a directory that lies confirms.
func TestAKeyThatIsShownDoesNotReplaceTheOneOfBefore(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	require.NoError(t, tn.v.End(t.Context(), tn.follow(t, vault.ScopeSee), nil))
	_, err := tn.relay.OwnKeys(t.Context())
	require.NoError(t, err)
	// The relay takes new keys, which follow the first one: both are theirs.
	require.NoError(t, tn.relay.ChangePassword(t.Context(), vault.ChangePassword{Old: sheet, New: "another sheet 4712", KnownToOthers: true}))
	now, err := tn.Public(t.Context(), tn.relay.ID(), nil)
	require.NoError(t, err)
	asked := &pinAsked{register: tn.register}
	tn.Stage = tn.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return asked, nil }})
	v := tn.person.SignIn(t, tn.Stage)
	_, err = v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Key: now.Key}, tn.secret())
	require.NoError(t, err)
	require.Contains(t, asked.by, string(now.Key), "that on the screen")
	require.True(t, asked.otherThan(now.Key), "and that of before")
	asked.refuses = now.Key
	_, err = v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeAdd, Key: now.Key}, tn.secret())
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
}

// pinAsked notes by which keys somebody was asked for.
type pinAsked struct {
	*register
	by      []string
	refuses []byte // the only key by which it would know somebody else
}

func (a *pinAsked) Holder(ctx context.Context, id vault.ID, pinned []byte) (vault.HolderKeys, error) {
	a.by = append(a.by, string(pinned))
	if a.refuses != nil && string(pinned) != string(a.refuses) {
		return vault.HolderKeys{}, vault.ErrUntrustedKey
	}
	return a.register.Holder(ctx, id, pinned)
}

func (a *pinAsked) otherThan(key []byte) bool {
	for _, by := range a.by {
		if by != "" && by != string(key) {
			return true
		}
	}
	return false
}

// The store spoils a page of what is the person's alone: they sign out all the same,
// and what they showed ends with it.
func TestASpoiltPageKeepsNobodyFromSigningOut(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(p storagetest.Piece){
		"altered": func(p storagetest.Piece) { p.Flip(100) },
		"dropped": func(p storagetest.Piece) { p.Drop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn, host := hostileTown(t)
			shown, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(time.Hour)}, tn.secret())
			require.NoError(t, err)
			pages := host.Records(tn.v.ID().String() + "/x/o/")
			require.NotEmpty(t, pages)
			token := tn.v.Token()
			again, err := tn.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return tn.register, nil }}).Resume(t.Context(), token)
			require.NoError(t, err)
			for _, page := range pages {
				spoil(host.Record(page))
			}
			require.NoError(t, again.SignOut(t.Context()))
			_, err = tn.Resume(t.Context(), token)
			require.ErrorIs(t, err, vault.ErrSessionEnded)
			_, err = tn.open(t, shown.ID)
			require.Error(t, err)
		})
	}
}
