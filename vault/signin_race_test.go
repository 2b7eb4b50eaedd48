package vault_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// A password is changed by another process while somebody signs in: which one is
// right is decided by what the store then has, and nobody is accused of anything.
func TestASignInWhileThePasswordIsChangedMeetsOneOfTheTwo(t *testing.T) {
	t.Parallel()
	const next = "gato niru pesa fova"
	for name, known := range map[string]bool{"the password": false, "all keys": true} {
		for _, at := range []string{"k/w", "k/o"} { // among the keyslots; after the password was looked at
			t.Run(name+" at "+at[2:], func(t *testing.T) {
				t.Parallel()
				s := newScene(t, nil)
				var armed atomic.Bool
				between := func(key string) {
					if key == s.key(at) && armed.CompareAndSwap(true, false) {
						require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next, KnownToOthers: known}))
					}
				}
				stage := s.Another(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { return &meddling{d, between} }})
				now := s.person.Secret()
				if at == "k/w" {
					now.Secret = next
				}
				armed.Store(true)
				_, err := stage.Unlock(t.Context(), now)
				require.False(t, armed.Load())
				if at == "k/w" || !known { // the change came first; or the keys that were opened are still the keys
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, vault.ErrSignIn)
				require.NotErrorIs(t, err, vault.ErrTampered)
				require.NotErrorIs(t, err, vault.ErrStale)
			})
		}
	}
}
