package web

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	words "reconnect.example/refserver/language"
	"reconnect.example/vault"
)

func speaking(t *testing.T, code string) *language {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	return &language{words.In(code), paris}
}

// plain turns the spaces that do not break into plain ones.
func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

func TestDatesAndTimesAreSaidInWords(t *testing.T) {
	t.Parallel()
	fr, en := speaking(t, "fr"), speaking(t, "en")
	at := time.Date(2026, 12, 1, 9, 5, 0, 0, time.UTC)
	require.Equal(t, "mardi 1er décembre 2026 à 10 h 05", plain(fr.when(at)))
	require.Equal(t, "Tuesday, 1 December 2026 at 10:05", en.when(at))
	require.Equal(t, "", fr.when(time.Time{}))
	require.Equal(t, "30 avril 2032", fr.date("2032-04-30"))
	require.Equal(t, "", fr.date("soon"))
	a := &vault.Appointment{Start: at, Zone: "America/Montreal", Duration: 90 * time.Minute}
	require.Equal(t, "mardi 1er décembre 2026, de 4 h 05 à 5 h 35", plain(fr.appointmentTime(a)), "in the zone in which the person was told")
	require.Equal(t, "Tuesday, 1 December 2026", en.appointmentTime(&vault.Appointment{Start: at, Zone: "Europe/Paris", AllDay: true}))
	require.Equal(t, "Tuesday, 1 December 2026 at 10:05", en.appointmentTime(&vault.Appointment{Start: at, Zone: "Nowhere/Land"}))
}
