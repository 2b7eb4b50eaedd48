package web

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func speaking(t *testing.T, code string) *language {
	t.Helper()
	languages, err := readMessages()
	require.NoError(t, err)
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	languages[code].zone = paris
	return languages[code]
}

// plain turns the spaces that do not break into plain ones.
func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

func TestSizesAreDecimalAndShort(t *testing.T) {
	t.Parallel()
	fr, en := speaking(t, "fr"), speaking(t, "en")
	for bytes, want := range map[int64][2]string{
		0: {"0 octets", "0 bytes"}, 999: {"999 octets", "999 bytes"}, 1000: {"1 ko", "1 kB"}, 1500: {"1,5 ko", "1.5 kB"},
		12_345: {"12 ko", "12 kB"}, 999_400: {"999 ko", "999 kB"}, 999_600: {"1 Mo", "1 MB"}, 2_340_000: {"2,3 Mo", "2.3 MB"},
		150_000_000: {"150 Mo", "150 MB"}, 2_000_000_000: {"2 Go", "2 GB"},
	} {
		require.Equal(t, want, [2]string{plain(fr.size(bytes)), plain(en.size(bytes))})
	}
}

func TestDatesAndTimesAreSaidInWords(t *testing.T) {
	t.Parallel()
	fr, en := speaking(t, "fr"), speaking(t, "en")
	at := time.Date(2026, 12, 1, 9, 5, 0, 0, time.UTC)
	require.Equal(t, "mardi 1er décembre 2026 à 10 h 05", plain(fr.when(at)))
	require.Equal(t, "Tuesday 1 December 2026 at 10:05", en.when(at))
	require.Equal(t, "", fr.when(time.Time{}))
	require.Equal(t, "30 avril 2032", fr.date("2032-04-30"))
	require.Equal(t, "", fr.date("soon"))
	a := &vault.Appointment{Start: at, Zone: "America/Montreal", Duration: 90 * time.Minute}
	require.Equal(t, "mardi 1er décembre 2026, de 4 h 05 à 5 h 35", plain(fr.appointmentTime(a)), "in the zone in which the person was told")
	require.Equal(t, "Tuesday 1 December 2026", en.appointmentTime(&vault.Appointment{Start: at, Zone: "Europe/Paris", AllDay: true}))
	require.Equal(t, "Tuesday 1 December 2026 at 10:05", en.appointmentTime(&vault.Appointment{Start: at, Zone: "Nowhere/Land"}))
}

func TestNumbersAgreeWithTheirNouns(t *testing.T) {
	t.Parallel()
	fr, en := speaking(t, "fr"), speaking(t, "en")
	require.Equal(t, []string{"0 papier", "1 papier", "2 papiers"}, []string{fr.n("home.papers", 0), fr.n("home.papers", 1), fr.n("home.papers", 2)})
	require.Equal(t, []string{"0 papers", "1 paper", "2 papers"}, []string{en.n("home.papers", 0), en.n("home.papers", 1), en.n("home.papers", 2)})
}
