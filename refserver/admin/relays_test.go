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

// F13: whether two organisations can help at all is seen in the directory.
func TestADeskOfAnotherOrganisationIsSeen(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	look := func() admin.Relays {
		state, err := s.Directory.Current(t.Context())
		require.NoError(t, err)
		got, err := admin.LookAt(t.Context(), state, s.Store, vault.Date(s.Clock.Now().Format("2006-01-02")))
		require.NoError(t, err)
		return got
	}
	sign := func(name string, kind consent.RelayType, organisation consent.OrganisationID) consent.RelayID {
		r := s.Entry(consent.Founded{Relay: consent.RelayID(consent.NewOrganisationID()), Key: consent.RelayKey(seal.NewSigningKey().Public())}, name)
		r.Type = kind
		if !organisation.IsZero() {
			r.Organisation = organisation
		}
		s.Sign(t, consent.Change{Relay: &r})
		return r.ID
	}
	var same consent.OrganisationID
	sign("Centre", consent.TypeDayCentre, same)
	require.Zero(t, look().Desks)
	require.False(t, look().TwoParties)
	sign("Own desk", consent.TypeDesk, same)
	require.Equal(t, 1, look().Desks)
	require.False(t, look().TwoParties, "both are of one organisation")
	other := consent.Organisation{ID: consent.NewOrganisationID(), Name: "Other", Country: "FR"}
	s.Sign(t, consent.Change{Organisation: &other})
	desk := sign("Line", consent.TypeDesk, other.ID)
	require.Equal(t, 2, look().Desks)
	require.True(t, look().TwoParties)
	s.Sign(t, consent.Change{WithdrawRelay: &desk, On: vault.Date(s.Clock.Now().Format("2006-01-02"))})
	require.False(t, look().TwoParties, "who was withdrawn helps nobody")
}
