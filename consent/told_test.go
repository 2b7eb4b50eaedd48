package consent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// told is Amina's yes to be told at the centre, as "Lit 12".
func (tn *town) told(t testing.TB) vault.ReminderChoice {
	t.Helper()
	return vault.ReminderChoice{
		Channel: vault.ByRelay, Address: tn.centre.relay.ID.String() + "/Lit 12", Language: "fr", Zone: "Europe/Paris",
		Notice: vault.Notice{Version: "1", Language: "fr", Text: "Le centre lira ce nom et l’heure."},
	}
}

func listAt(t testing.TB, post *consent.Post) []consent.Told {
	t.Helper()
	all, err := post.Told(t.Context())
	require.NoError(t, err)
	return all
}

// agreesToBeTold goes both steps: the code stands on the list, and whoever reads it there
// tells it.
func (tn *town) agreesToBeTold(t testing.TB) {
	t.Helper()
	require.NoError(t, tn.amina.Vault.AskReminders(t.Context(), tn.told(t)))
	list := listAt(t, tn.post(t))
	require.Len(t, list, 1)
	require.Equal(t, vault.MessageCode, list[0].Kind)
	require.Equal(t, "Lit 12", list[0].Name)
	_, err := tn.amina.Vault.ConfirmReminders(t.Context(), list[0].Code)
	require.NoError(t, err)
}

func (tn *town) remindedOf(t testing.TB, at time.Time) {
	t.Helper()
	it, err := tn.amina.Vault.AddAppointment(t.Context(), "Avocat", vault.Appointment{Start: at, Zone: "Europe/Paris", Place: "12 rue Secrète", Note: "asile"}, vault.Place{})
	require.NoError(t, err)
	next, err := tn.amina.Vault.Remind(t.Context(), it.ID, 24*time.Hour)
	require.NoError(t, err)
	tn.Clock.Set(next)
	_, err = tn.SendReminders(t.Context())
	require.NoError(t, err)
}

// Who has no phone hears at the centre that they have an appointment, and when; the list
// has the name that they gave for it, and neither place nor reason, and a store opens none of it.
func TestWhoHasNoPhoneIsToldAtTheirCentre(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	tn.agreesToBeTold(t)
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	friday := time.Date(2026, 3, 6, 14, 30, 0, 0, paris)
	tn.remindedOf(t, friday)

	list := listAt(t, tn.again(t))
	require.Len(t, list, 1, "the code is over")
	require.Equal(t, consent.Told{Line: list[0].Line, Name: "Lit 12", Kind: vault.MessageAppointment, At: friday}, list[0])
	_, err = tn.SendReminders(t.Context())
	require.NoError(t, err)
	require.Len(t, listAt(t, tn.again(t)), 1, "once")
	for key, value := range scan(t, tn, "") {
		require.NotContains(t, string(value), "Lit 12", key)
		require.NotContains(t, key, "Lit 12")
	}
	other := tn.newPlace(t, "Abri")
	require.Empty(t, listAt(t, postAt(t, other.worker, other.relay)))
	manager := tn.centre.Manager.SignIn(t, tn.Stage)
	tn.centre.Manager = manager
	_, err = postAt(t, tn.centre.Hire(t, "Cheffe", consent.RoleManage), tn.centre.relay).Told(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)

	// When somebody leaves the team the list stays for the others, under new keys.
	nora := tn.centre.Hire(t, "Nora", consent.RoleHelp)
	_, err = manager.At(t, tn.centre.Relay).Remove(t.Context(), tn.centre.worker.ID())
	require.NoError(t, err)
	require.Len(t, listAt(t, postAt(t, nora, tn.centre.relay)), 1)

	tn.Clock.Set(friday.Add(24 * time.Hour))
	require.Empty(t, listAt(t, postAt(t, nora.SignIn(t, tn.Stage), tn.centre.relay)), "its day is over")
	tn.Clock.Set(friday.Add(72 * time.Hour))
	_, err = tn.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, scan(t, tn, tn.centre.relay.ID.String()+"/told/"))
}

// Only a centre that follows the person tells them something, and no longer than it does.
func TestACentreThatDoesNotFollowTellsNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	refused := func(address string) {
		t.Helper()
		c := tn.told(t)
		c.Address = address
		var wrong *vault.InvalidError
		require.ErrorAs(t, tn.amina.Vault.AskReminders(t.Context(), c), &wrong, address)
		require.Equal(t, "address", wrong.Field)
		require.Empty(t, listAt(t, tn.post(t)))
	}
	id := tn.centre.relay.ID.String()
	refused(id + "/Lit 12")
	tn.follow(t)
	for _, address := range []string{"", id, id + "/", id + "/ ", "x/Lit 12", tn.centre.worker.ID().String() + "/Lit 12", id + "/" + strings.Repeat("x", 61), id + "/a\nb"} {
		refused(address)
	}
	tn.agreesToBeTold(t)
	_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.NoError(t, err)
	now, err := tn.amina.Vault.Reminders(t.Context())
	require.NoError(t, err)
	require.Zero(t, now.Since)
}

// A list is read for a whole day: what is on it of an appointment that is moved, by
// whomever, or is none any more, or of somebody who stopped, goes when they say so.
func TestWhatIsNoneAnyMoreLeavesTheListAtOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	tn.agreesToBeTold(t)
	v := tn.amina.Vault
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	today := time.Date(2026, 3, 6, 14, 30, 0, 0, paris)
	told := func() (hours []string) {
		t.Helper()
		_, err := tn.SendReminders(t.Context())
		require.NoError(t, err)
		for _, line := range listAt(t, tn.again(t)) {
			hours = append(hours, line.At.Format("2 15:04"))
		}
		return hours
	}
	var made []vault.Item
	for _, at := range []time.Time{today, today.Add(time.Hour), today.Add(2 * time.Hour)} {
		it, err := v.AddAppointment(t.Context(), "Avocat", vault.Appointment{Start: at, Zone: "Europe/Paris"}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
		_, err = v.Remind(t.Context(), it.ID, 4*time.Hour)
		require.NoError(t, err)
		made = append(made, it)
	}
	tn.Clock.Set(today.Add(-6 * time.Hour))
	require.Equal(t, []string{"6 14:30", "6 15:30", "6 16:30"}, told())

	worker := tn.open(t, tn.again(t))
	v = tn.amina.SignIn(t, tn.Stage.Stage)
	_, err = worker.Edit(t.Context(), made[0].ID, made[0].Revision, vault.Edit{Appointment: &vault.Appointment{Start: today.Add(3 * time.Hour), Zone: "Europe/Paris"}})
	require.NoError(t, err)
	require.Equal(t, []string{"6 15:30", "6 16:30", "6 17:30"}, told(), "moved by a worker")
	_, err = v.Bin(t.Context(), made[1].ID, made[1].Revision)
	require.NoError(t, err)
	require.Equal(t, []string{"6 16:30", "6 17:30"}, told(), "cancelled")
	_, err = v.Remind(t.Context(), made[2].ID)
	require.NoError(t, err)
	require.Equal(t, []string{"6 17:30"}, told(), "not to be told any more")
	_, err = v.StopReminders(t.Context())
	require.NoError(t, err)
	require.Empty(t, told(), "stopped")
	require.Empty(t, scan(t, tn, tn.centre.relay.ID.String()+"/told/"))
}
