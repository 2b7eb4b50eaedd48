package vault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func overview(t testing.TB, v *vault.Vault) vault.Overview {
	t.Helper()
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	return o
}

func appointment(t testing.TB, v *vault.Vault, name string, a vault.Appointment) vault.Item {
	t.Helper()
	it, err := v.AddAppointment(t.Context(), name, a, vault.Place{})
	require.NoError(t, err)
	return it
}

func TestTheOverviewShowsTheSituationInOneCall(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	now := s.Clock.Now()
	add(t, s.v, "paper", content(1, 5000))
	addTo(t, s.v, vault.NewDocument{Name: "shared", Compartment: vault.Shared}, nil)
	_, err := s.v.AddContact(t.Context(), "Ali", vault.Contact{}, vault.Place{})
	require.NoError(t, err)
	binned := addNote(t, s.v, "binned", "")
	_, err = s.v.Bin(t.Context(), binned.ID, 1)
	require.NoError(t, err)
	for n := range 7 {
		appointment(t, s.v, fmt.Sprint(6-n), vault.Appointment{Start: now.Add(time.Duration(7-n) * time.Hour), Zone: "UTC"})
	}
	o := overview(t, s.v)
	require.Equal(t, vault.Counts{Documents: 2, Folders: 2, Contacts: 1, Appointments: 7, Private: 9, Binned: 1}, o.Counts)
	require.Equal(t, usage(t, s.Stage, s.v.ID()), o.Space)
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, names(o.Next), "the next five")
	require.Empty(t, o.Expiring)
	require.Empty(t, o.Notices)
	require.Zero(t, o.ErasedAt)
	require.Equal(t, []string{"vault.overview"}, acts(t, s.v, 1), "one line in the journal")
}

func TestAnAppointmentIsNextUntilItIsOver(t *testing.T) {
	t.Parallel()
	toronto, err := time.LoadLocation("America/Toronto")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		a   vault.Appointment
		end time.Time
	}{
		"with a length":         {vault.Appointment{Start: time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), Duration: 30 * time.Minute, Zone: "UTC"}, time.Date(2026, 3, 9, 14, 30, 0, 0, time.UTC)},
		"of a minute":           {vault.Appointment{Start: time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), Duration: time.Minute, Zone: "UTC"}, time.Date(2026, 3, 9, 14, 1, 0, 0, time.UTC)},
		"without a length":      {vault.Appointment{Start: time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC), Zone: "UTC"}, time.Date(2026, 3, 9, 15, 0, 0, 0, time.UTC)},
		"all day in Paris":      {vault.Appointment{Start: time.Date(2026, 3, 9, 9, 0, 0, 0, paris(t)), Zone: "Europe/Paris", AllDay: true}, time.Date(2026, 3, 9, 23, 0, 0, 0, time.UTC)},
		"all day, 23 hours":     {vault.Appointment{Start: time.Date(2026, 3, 29, 0, 0, 0, 0, paris(t)), Zone: "Europe/Paris", AllDay: true}, time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC)},
		"all day, 25 hours":     {vault.Appointment{Start: time.Date(2026, 10, 25, 0, 0, 0, 0, paris(t)), Zone: "Europe/Paris", AllDay: true}, time.Date(2026, 10, 25, 23, 0, 0, 0, time.UTC)},
		"all day in Toronto":    {vault.Appointment{Start: time.Date(2026, 3, 7, 12, 0, 0, 0, toronto), Zone: "America/Toronto", AllDay: true}, time.Date(2026, 3, 8, 5, 0, 0, 0, time.UTC)},
		"all day, 23 there too": {vault.Appointment{Start: time.Date(2026, 3, 8, 12, 0, 0, 0, toronto), Zone: "America/Toronto", AllDay: true}, time.Date(2026, 3, 9, 4, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			v, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: s.person.Password})
			require.NoError(t, err)
			appointment(t, v, "it", c.a)
			s.Clock.Set(c.end.Add(-time.Millisecond))
			require.Equal(t, []string{"it"}, names(overview(t, v).Next))
			s.Clock.Set(c.end)
			require.Empty(t, overview(t, v).Next)
		})
	}
}

func TestWhatExpiresWithinSixtyDaysIsShown(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil) // 2 March 2026, 9:00
	for name, expires := range map[string]vault.Date{
		"today": "2026-03-02", "long ago": "1999-12-31", "the last": "2026-05-01", "not yet": "2026-05-02", "far": "2036-01-01", "never": "", "soon": "2026-04-01",
	} {
		addTo(t, s.v, vault.NewDocument{Name: name, Expires: expires}, nil)
	}
	binned := addTo(t, s.v, vault.NewDocument{Name: "binned", Expires: "2026-03-03"}, nil)
	_, err := s.v.Bin(t.Context(), binned.ID, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"long ago", "today", "soon", "the last"}, names(overview(t, s.v).Expiring))
}

func TestTheOverviewNamesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "Note", "")
	addNote(t, s.v, "whole", "")
	key := s.v.ID().String() + "/i/" + note.ID.String()
	b := get(t, s.Store, key)
	set(t, s.Store, key, flipped(b, len(b)/2))
	o := overview(t, s.v)
	require.Equal(t, 1, o.Counts.Damaged)
	require.Equal(t, 1, o.Counts.Notes)
	require.Equal(t, []vault.NoticeCode{vault.NoticeDamaged}, o.Notices)

	all, err := s.v.List(t.Context(), &vault.ListOptions{Kind: vault.KindNote})
	require.Equal(t, []string{"whole"}, names(all), "the others stand")
	var tampered *vault.TamperedError
	require.ErrorAs(t, err, &tampered)
	require.Equal(t, "item "+note.ID.String(), tampered.What, "and it is named")
	set(t, s.Store, key, nil)
	_, err = s.v.List(t.Context(), nil)
	var missing *vault.MissingError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, note.ID, missing.Item)
	require.ErrorIs(t, missing, vault.ErrTampered)
}
