package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// licensed is a directory with one relay and these licences.
func licensed(t *testing.T, s *stage, licences ...consent.Licence) (*consent.DirectoryState, *consent.Relay) {
	t.Helper()
	town := organisation("Ville de Lyon")
	centre := relayOf(town, "Accueil de jour")
	changes := adding(town, centre)
	for _, l := range licences {
		l.Relay, l.Currency = centre.ID, "EUR"
		changes = append(changes, consent.Change{Licence: &l})
	}
	return s.sign(t, s.begin(t), changes...), centre
}

func TestALicenceDayByDay(t *testing.T) {
	t.Parallel()
	year := consent.Licence{Number: "2026", From: "2026-01-01", To: "2026-12-31"}
	next := consent.Licence{Number: "2027", From: "2027-01-01", To: "2027-12-31"}
	late := consent.Licence{Number: "2027", From: "2027-01-02", To: "2027-12-31"}
	withdrawn := year
	withdrawn.Withdrawn = "2026-02-01"
	for _, c := range []struct {
		why      string
		licences []consent.Licence
		day      vault.Date
		status   consent.LicenceStatus
		number   string
		left     int
	}{
		{"never one", nil, "2026-03-02", consent.LicenceNone, "", 0},
		{"the day before", []consent.Licence{year}, "2025-12-31", consent.LicenceNotYet, "2026", 0},
		{"the first day", []consent.Licence{year}, "2026-01-01", consent.LicenceInForce, "2026", 365},
		{"61 days left", []consent.Licence{year}, "2026-11-01", consent.LicenceInForce, "2026", 61},
		{"60 days left", []consent.Licence{year}, "2026-11-02", consent.LicenceEndsSoon, "2026", 60},
		{"the last day", []consent.Licence{year}, "2026-12-31", consent.LicenceEndsSoon, "2026", 1},
		{"the day after", []consent.Licence{year}, "2027-01-01", consent.LicenceExpired, "2026", 0},
		{"renewed in time", []consent.Licence{year, next}, "2026-12-31", consent.LicenceInForce, "2026", 366},
		{"renewed, in the other order", []consent.Licence{next, year}, "2026-12-31", consent.LicenceInForce, "2026", 366},
		{"the new year", []consent.Licence{year, next}, "2027-01-01", consent.LicenceInForce, "2027", 365},
		{"renewed a day late", []consent.Licence{year, late}, "2026-12-31", consent.LicenceEndsSoon, "2026", 1},
		{"in the gap", []consent.Licence{year, late}, "2027-01-01", consent.LicenceNotYet, "2027", 0},
		{"withdrawn", []consent.Licence{withdrawn}, "2026-03-02", consent.LicenceWithdrawn, "2026", 0},
		{"withdrawn, from its publication", []consent.Licence{withdrawn}, "2026-01-15", consent.LicenceWithdrawn, "2026", 0},
		{"withdrawn, and the next one good", []consent.Licence{withdrawn, next}, "2026-03-02", consent.LicenceNotYet, "2027", 0},
	} {
		s := newStage(t)
		state, centre := licensed(t, s, c.licences...)
		got, err := state.LicenceOn(centre.ID, c.day)
		require.NoError(t, err, c.why)
		require.Equal(t, c.status, got.Status, c.why)
		require.Equal(t, c.number, got.Licence.Number, c.why)
		require.Equal(t, c.left, got.DaysLeft, c.why)
		require.Equal(t, c.left > 0, got.MayOpen(), c.why)
		require.Equal(t, c.left > 0, got.Until != "", c.why)
	}
}

func TestADayOfALicenceIsOneOfTheZone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	state, centre := licensed(t, s, consent.Licence{Number: "1", From: "2026-03-29", To: "2026-10-25"}) // both days when clocks change in Europe
	publish(t, s.open(t), state)
	for zone, offset := range map[string]struct{ begins, ends time.Time }{
		"UTC":                {at("2026-03-29T00:00:00Z"), at("2026-10-26T00:00:00Z")},
		"Europe/Paris":       {at("2026-03-28T23:00:00Z"), at("2026-10-25T23:00:00Z")},
		"America/Toronto":    {at("2026-03-29T04:00:00Z"), at("2026-10-26T04:00:00Z")},
		"Indian/Reunion":     {at("2026-03-28T20:00:00Z"), at("2026-10-25T20:00:00Z")},
		"America/St_Johns":   {at("2026-03-29T02:30:00Z"), at("2026-10-26T02:30:00Z")},
		"Pacific/Kiritimati": {at("2026-03-28T10:00:00Z"), at("2026-10-25T10:00:00Z")},
	} {
		location, err := time.LoadLocation(zone)
		require.NoError(t, err)
		now := &clock{}
		d, err := consent.OpenDirectory(t.Context(), consent.DirectoryConfig{Store: s.store, Checkpoints: s.witness, Authority: s.first, Zone: location, Now: now.Now})
		require.NoError(t, err)
		for when, status := range map[time.Time]consent.LicenceStatus{
			offset.begins.Add(-time.Second): consent.LicenceNotYet, offset.begins: consent.LicenceInForce,
			offset.ends.Add(-time.Second): consent.LicenceEndsSoon, offset.ends: consent.LicenceExpired,
		} {
			now.mu.Lock()
			now.now = when
			now.mu.Unlock()
			got, err := d.Licence(t.Context(), centre.ID)
			require.NoError(t, err)
			require.Equal(t, status, got.Status, "%s at %s", zone, when)
		}
	}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
