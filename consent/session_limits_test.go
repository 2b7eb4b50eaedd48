package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Whoever works for relays reaches the spaces of many: their session has limits of its
// own, in each process, and a person's goes on beside it.
func TestTheSessionOfWhoWorksForOthersHasLimitsOfItsOwn(t *testing.T) {
	t.Parallel()
	limits := vaulttest.Options{SessionIdle: 3 * time.Hour, SessionMax: 8 * time.Hour, StaffSessionIdle: 20 * time.Minute, StaffSessionMax: time.Hour}
	tn := newTown(t, &limits)
	tn.follow(t)
	person := tn.amina.Vault
	samir := tn.centre.worker.SignIn(t, tn.Stage)
	v, err := samir.At(t, tn.centre.Relay).Open(t.Context(), person.ID(), aboutHousing)
	require.NoError(t, err)
	began := tn.Clock.Now()
	all, err := samir.Own().Sessions(t.Context())
	require.NoError(t, err)
	require.Equal(t, 20*time.Minute, all[0].Expires.Sub(all[0].LastUsed))

	for range 3 { // in use it goes on, to its longest time
		tn.Clock.Advance(19 * time.Minute)
		_, err = tn.Service.Resume(t.Context(), samir.Own().Token()) // as a server does with each request
		require.NoError(t, err)
		_, err = v.List(t.Context(), nil)
		require.NoError(t, err)
	}
	tn.Clock.Set(began.Add(time.Hour))
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrSessionEnded, "what they have open, too")
	_, err = tn.Another(t, &consenttest.Options{Vault: limits}).Service.Resume(t.Context(), samir.Own().Token())
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	_, err = person.List(t.Context(), nil)
	require.NoError(t, err)

	samir = tn.centre.worker.SignIn(t, tn.Stage)
	tn.Clock.Advance(26 * time.Minute) // twenty, and five because use is not noted more often
	_, err = samir.Own().Sessions(t.Context())
	require.ErrorIs(t, err, vault.ErrSessionEnded, "nobody was at it")
	_, err = person.List(t.Context(), nil)
	require.NoError(t, err)
}
