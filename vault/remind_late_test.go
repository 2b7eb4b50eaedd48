package vault_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// Somebody says in the morning "the day before" of something that is tomorrow: better late
// than never, by day, and as long as there is time left.
func TestAReminderThatIsChosenTooLateStillComes(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	r.agree(t, r.v)
	chosen := func(now, at time.Time) time.Time {
		t.Helper()
		r.Clock.Set(now)
		r.v = r.person.SignIn(t, r.Stage)
		next, err := r.v.Remind(t.Context(), r.appointment(t, at).ID, 24*time.Hour)
		require.NoError(t, err)
		if next.IsZero() {
			return next
		}
		return next.In(inParis)
	}
	march := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, inParis) }
	require.Equal(t, march(3, 12, 0), chosen(march(3, 11, 7), march(4, 10, 0)))
	require.Empty(t, r.at(t, march(3, 11, 59)))
	require.Len(t, r.at(t, march(3, 12, 3)), 1)
	require.Empty(t, r.at(t, march(4, 8, 3)), "once")
	require.Equal(t, march(5, 8, 0), chosen(march(4, 20, 30), march(5, 10, 30)), "not by night")
	require.Zero(t, chosen(march(5, 20, 30), march(6, 9, 30)), "too late to get there")
	require.Zero(t, chosen(march(6, 11, 7), march(6, 13, 30)))
	require.Equal(t, march(6, 12, 0), chosen(march(6, 11, 7), march(6, 14, 0)))

	// Who was told of a day hears of it when it becomes tomorrow.
	r.v = r.person.SignIn(t, r.Stage)
	it := r.appointment(t, march(20, 10, 0))
	_, err := r.v.Remind(t.Context(), it.ID, 24*time.Hour)
	require.NoError(t, err)
	sooner := *it.Appointment
	sooner.Start = march(7, 10, 0)
	_, err = r.v.Edit(t.Context(), it.ID, it.Revision, vault.Edit{Appointment: &sooner})
	require.NoError(t, err)
	sent := r.at(t, march(6, 12, 1))
	require.Len(t, sent, 2)
	require.True(t, sent[0].At.Equal(sooner.Start) || sent[1].At.Equal(sooner.Start))
}
