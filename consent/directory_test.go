package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

func TestTheAuthoritySaysWhoTheRelaysAre(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := s.open(t)
	_, err := d.Relays(t.Context())
	require.ErrorIs(t, err, consent.ErrNoDirectory)

	empty := s.begin(t)
	publish(t, d, empty)
	relays, err := d.Relays(t.Context())
	require.NoError(t, err)
	require.Empty(t, relays)

	town := organisation("Ville de Lyon")
	centre, shelter := relayOf(town, "Accueil de jour Pausé"), relayOf(town, "مركز الإيواء")
	shelter.Type = consent.TypeShelter
	next := s.sign(t, empty, append(adding(town, centre, shelter), consent.Change{Licence: licenceOf(centre, "2026-17", "2026-01-01", "2026-12-31")})...)
	publish(t, d, next)

	for _, reader := range []*consent.Directory{d, s.open(t)} { // also another process
		got, err := reader.Relay(t.Context(), centre.ID)
		require.NoError(t, err)
		require.Equal(t, *centre, got)
		relays, err := reader.Relays(t.Context())
		require.NoError(t, err)
		require.Equal(t, []consent.Relay{*centre, *shelter}, relays)
		organisations, err := reader.Organisations(t.Context())
		require.NoError(t, err)
		require.Equal(t, []consent.Organisation{*town}, organisations)
		found, err := reader.Organisation(t.Context(), town.ID)
		require.NoError(t, err)
		require.Equal(t, *town, found)
		state, err := reader.Licence(t.Context(), centre.ID)
		require.NoError(t, err)
		require.Equal(t, consent.LicenceInForce, state.Status)
		state, err = reader.Licence(t.Context(), shelter.ID)
		require.NoError(t, err)
		require.Equal(t, consent.LicenceNone, state.Status)
		_, err = reader.Relay(t.Context(), randomID())
		require.ErrorIs(t, err, consent.ErrNotNamed)
		_, err = reader.Organisation(t.Context(), consent.NewOrganisationID())
		require.ErrorIs(t, err, consent.ErrNotNamed)
		_, err = reader.Licence(t.Context(), randomID())
		require.ErrorIs(t, err, consent.ErrNotNamed)
	}

	last := s.sign(t, next, consent.Change{WithdrawRelay: &shelter.ID, On: "2026-03-02"})
	publish(t, d, last)
	got, err := d.Relay(t.Context(), shelter.ID)
	require.NoError(t, err)
	require.Equal(t, vault.Date("2026-03-02"), got.Withdrawn, "the entry stays")
}

func TestAQuestionCostsOneGetAndTheWitnessIsAskedEveryThirtySeconds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := s.open(t)
	town := organisation("Ville de Lyon")
	centre := relayOf(town, "Accueil de jour")
	publish(t, d, s.sign(t, s.begin(t), adding(town, centre)...))
	s.witness.set(func(c *counted) { c.asked = 0 })
	for range 100 {
		_, err := d.Relay(t.Context(), centre.ID)
		require.NoError(t, err)
	}
	require.Zero(t, s.witness.asked, "it has just confirmed it")
	s.clock.advance(31 * time.Second)
	for range 100 {
		_, err := d.Relay(t.Context(), centre.ID)
		require.NoError(t, err)
	}
	require.Equal(t, 1, s.witness.asked)
	s.clock.advance(-time.Hour) // a clock that goes back keeps nobody from asking
	_, err := d.Relay(t.Context(), centre.ID)
	require.NoError(t, err)
	require.Equal(t, 2, s.witness.asked)
}
