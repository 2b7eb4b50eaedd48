package vault

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// CourtReadsReminders is all that the keys of the service open of somebody's reminders.
func (s *Vaults) CourtReadsReminders(t testing.TB, id ID) (out []string) {
	t.Helper()
	for rec, err := range s.cfg.Store.All(t.Context(), id.key("re")) {
		require.NoError(t, err)
		if rec.Key == id.remind() {
			_, signed, err := seal.ParseClear(rec.Value)
			require.NoError(t, err)
			var b remindBody
			require.NoError(t, seal.Unmarshal(signed, &b))
			_, raw, err := s.remindKey().Open(id.remindContext(nil), b.To)
			require.NoError(t, err)
			var to remindToBody
			require.NoError(t, seal.Unmarshal(raw, &to))
			require.Nil(t, to.Choice.Notice)
			out = append([]string{string(to.Choice.Channel), to.Choice.Address, to.Choice.Language, to.Choice.Zone}, out...)
			continue
		}
		b, err := s.openReminder(id, rec.Key[len(id.reminder("")):], rec.Value)
		require.NoError(t, err)
		out = append(out, string(b.About), time.UnixMilli(b.At).UTC().Format(time.RFC3339), b.Zone, b.Home)
		for _, m := range b.Leads {
			out = append(out, strconv.FormatInt(m, 10))
		}
	}
	return out
}

// SetSendWaits changes for how long one message may take.
func (s *Vaults) SetSendWaits(d time.Duration) { s.sendWaits = d }

// Across both changes of the clock, whatever is chosen: by day, at full hours, and never
// later than chosen.
func TestRemindersArePlannedByDayAndNeverLater(t *testing.T) {
	t.Parallel()
	for _, home := range []string{"Europe/Paris", "America/St_Johns", "Asia/Kathmandu", "America/Toronto"} {
		zone := zoneOf(home)
		for _, month := range []time.Month{time.March, time.October, time.November} {
			for hour := range 24 * 31 {
				at := time.Date(2026, month, 1, hour, 30, 0, 0, zone)
				b := reminderBody{At: at.UnixMilli(), Zone: home, Home: home, Leads: []int64{2 * 1440, 1440, 180, 60}}
				for _, planned := range b.hours(BySMS) {
					require.Zero(t, planned.Sub(planned.Truncate(time.Hour)))
					require.True(t, awake(planned.In(zone)) || awake(planned.In(zone).Add(time.Hour-time.Minute)), "%v for %v", planned.In(zone), at)
					require.True(t, planned.Before(at))
				}
			}
		}
	}
}
