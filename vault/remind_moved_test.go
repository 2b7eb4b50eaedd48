package vault_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// A worker has no key of Owner, where the person's consent lies: what they change of an
// appointment that is shared moves its reminder all the same.
func TestAnAppointmentThatAWorkerMovesMovesItsReminder(t *testing.T) {
	t.Parallel()
	p := &post{}
	h := newHelpedOn(t, &vaulttest.Options{Messenger: p})
	r := &reminding{h.scene, p}
	r.agree(t, h.v)
	it, err := h.v.AddAppointment(t.Context(), "Avocat", vault.Appointment{Start: friday, Zone: "Europe/Paris"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	_, err = h.v.Remind(t.Context(), it.ID, 24*time.Hour)
	require.NoError(t, err)

	monday := friday.AddDate(0, 0, 3)
	worker, err := h.opened(t, h.grant)
	require.NoError(t, err)
	it, err = worker.Edit(t.Context(), it.ID, it.Revision, vault.Edit{Appointment: &vault.Appointment{Start: monday, Zone: "Europe/Paris"}})
	require.NoError(t, err)
	require.Empty(t, r.at(t, friday.Add(-24*time.Hour)), "not of the day that it was on")
	sent := r.at(t, monday.AddDate(0, 0, -1))
	require.Len(t, sent, 1)
	require.True(t, sent[0].At.Equal(monday), "%v", sent[0].At)

	tuesday := friday.AddDate(0, 0, 11)
	worker, err = h.opened(t, h.grant)
	require.NoError(t, err)
	it, err = worker.Edit(t.Context(), it.ID, it.Revision, vault.Edit{Appointment: &vault.Appointment{Start: tuesday, Zone: "Europe/Paris"}})
	require.NoError(t, err)
	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, it.Revision))
	require.Len(t, r.at(t, tuesday.AddDate(0, 0, -1)), 1, "also while it waits for the person to take it in")
}

// Whoever made a recovery necessary may have the phone: consent and reminders are over,
// and the person who is back says where to.
func TestRemindersEndWithARecovery(t *testing.T) {
	t.Parallel()
	p := &post{}
	h := newHelpedOn(t, &vaulttest.Options{Messenger: p})
	r := &reminding{h.scene, p}
	path := h.enrol(t, vault.PathSheetRelay, true)
	r.agree(t, h.v)
	it := r.appointment(t, friday)
	_, err := h.v.Remind(t.Context(), it.ID, 24*time.Hour, 2*time.Hour)
	require.NoError(t, err)

	v, err := h.recover(t, h.proof(t, vault.PathSheetRelay, path))
	require.NoError(t, err)
	require.Empty(t, keys(t, r.Store, r.key("remind")))
	what, err := v.Reminders(t.Context())
	require.NoError(t, err)
	require.Empty(t, what.Address)
	require.Empty(t, what.Items)
	r.agree(t, v)
	require.Empty(t, r.at(t, friday.Add(-24*time.Hour)), "a new yes brings back nothing that was asked for under the old one")
	require.Empty(t, r.at(t, friday.Add(-2*time.Hour)))
}

// A backup has reminders that were sent since, and consents that were taken back.
func TestARestoreSendsNothingOld(t *testing.T) {
	t.Parallel()
	for name, stopped := range map[string]bool{"who goes on": false, "who stopped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &post{}
			r := newRestorableIn(t, &restorable{sends: p}, vaulttest.New(t, nil))
			send := func(at time.Time) []vault.Message {
				r.stage.Clock.Set(at)
				_, err := r.SendReminders(t.Context())
				require.NoError(t, err)
				return p.take()
			}
			v := r.person.Vault
			(&reminding{&scene{v: v}, p}).agree(t, v)
			it, err := v.AddAppointment(t.Context(), "Avocat", vault.Appointment{Start: friday, Zone: "Europe/Paris"}, vault.Place{})
			require.NoError(t, err)
			_, err = v.Remind(t.Context(), it.ID, 24*time.Hour, 2*time.Hour)
			require.NoError(t, err)
			day, taken := r.backup(t), r.stage.Clock.Now()

			thursday := friday.AddDate(0, 0, -1) // 14:30; its reminder is planned for 14:00
			require.Len(t, send(thursday), 1)
			if stopped {
				_, err = r.signIn(t).StopReminders(t.Context())
				require.NoError(t, err)
			}
			r.stage.Clock.Advance(time.Hour)
			r.putBack(t, day)
			r.state(t, 1, taken)
			require.Empty(t, send(r.stage.Clock.Now()), "it had been sent, though the store of that day does not know")
			r.signIn(t)
			require.Empty(t, send(thursday.Add(2*time.Hour)))
			last := send(friday.Add(-2 * time.Hour))
			if stopped {
				require.Empty(t, last, "the store of that day brings no yes back")
				return
			}
			require.Len(t, last, 1, "what is not over comes")
			require.True(t, last[0].At.Equal(friday))
		})
	}
}

// Many people at once, by two channels and in two rounds: each is told once, and the
// report has them all. Run with -race, as lanes share it.
func TestManyAreRemindedAtOnceEachInTheirLane(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	const each = 6
	for n := range 2 * each {
		c := choice
		if n%2 == 0 {
			c.Channel, c.Address = vault.ByEmail, fmt.Sprintf("a%d@example.org", n)
		} else {
			c.Address = fmt.Sprintf("+336123456%02d", n)
		}
		v := r.Person(t).Vault
		require.NoError(t, v.AskReminders(t.Context(), c))
		_, err := v.ConfirmReminders(t.Context(), r.post.take()[0].Code)
		require.NoError(t, err)
		it, err := v.AddAppointment(t.Context(), "x", vault.Appointment{Start: friday, Zone: "Europe/Paris"}, vault.Place{})
		require.NoError(t, err)
		_, err = v.Remind(t.Context(), it.ID, 24*time.Hour)
		require.NoError(t, err)
	}
	r.Clock.Set(friday.Add(-24 * time.Hour))
	var all sync.WaitGroup
	reports := make(chan vault.ReminderReport, 2)
	for range 2 { // two rounds of one service, as a slow one and the next
		all.Go(func() {
			report, _ := r.SendReminders(t.Context())
			reports <- report
		})
	}
	all.Wait()
	close(reports)
	sent := 0
	for report := range reports {
		sent += report.Sent
		require.Zero(t, report.Failed)
	}
	require.Equal(t, 2*each, sent)
	told := map[string]int{}
	for _, m := range r.post.take() {
		told[m.Address]++
	}
	require.Len(t, told, 2*each)
	for to, n := range told {
		require.Equal(t, 1, n, to)
	}
}
