package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/refserver/admin"
	"reconnect.example/vault"
)

// The operator is told of each relay for which somebody has to do something, and of
// none other.
func TestRelaysThatNeedSomebodyAreNamed(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	today := vault.Date(s.Clock.Now().Format("2006-01-02"))
	licence := func(r consent.Relay, to vault.Date) {
		s.Sign(t, consent.Change{Licence: &consent.Licence{Relay: r.ID, Number: "1", From: "2025-01-01", To: to, Currency: "EUR"}})
	}
	good, ending, empty, gone := s.Relay(t, "Good"), s.Relay(t, "Ending"), s.Relay(t, "Empty"), s.Relay(t, "Gone")
	licence(good.Relay, "2027-12-31")
	licence(ending.Relay, today)
	licence(empty.Relay, "2027-12-31")
	s.Sign(t, consent.Change{WithdrawRelay: &gone.ID, On: today})
	elsewhere := s.Entry(consent.Founded{Relay: consent.RelayID(consent.NewOrganisationID()), Key: consent.RelayKey(seal.NewSigningKey().Public())}, "Elsewhere")
	s.Sign(t, consent.Change{Relay: &elsewhere})

	sheet := vault.Secret{Password: empty.Sheet.Code}
	space, err := s.Vaults.Unlock(t.Context(), vault.Password{Login: empty.Sheet.Login, Secret: empty.Sheet.Code, Kind: seal.KindRelay})
	require.NoError(t, err)
	require.NoError(t, space.RemoveHolder(t.Context(), empty.Manager.ID(), sheet, "0000 1111 2222 3333 4444"))

	state, err := s.Directory.Current(t.Context())
	require.NoError(t, err)
	got, err := admin.LookAt(t.Context(), state, s.Store, today)
	require.NoError(t, err)
	require.Equal(t, admin.Relays{
		Version: state.Version(), InForce: 4, Unlicensed: 1, EndSoon: []admin.RelayEnd{{Name: "Ending", Until: today}},
		Unmanaged: []string{"Empty"}, Elsewhere: []string{"Elsewhere"},
	}, got)
}
