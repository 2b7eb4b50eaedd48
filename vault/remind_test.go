package vault_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// post is a messenger that keeps what it was given.
type post struct {
	mu     sync.Mutex
	got    []vault.Message
	refuse error
	hook   func()
}

func (p *post) Offers(c vault.Channel) bool { return c == vault.BySMS || c == vault.ByEmail }

func (p *post) Send(_ context.Context, m vault.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hook != nil {
		p.hook()
	}
	if p.refuse != nil {
		return p.refuse
	}
	p.got = append(p.got, m)
	return nil
}

// take returns what has come since the last time.
func (p *post) take() []vault.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

type reminding struct {
	*scene
	post *post
}

const phone = "+33612345678"

var choice = vault.ReminderChoice{
	Channel: vault.BySMS, Address: "+33 6 12 34 56 78", Language: "fr", Zone: "Europe/Paris",
	Notice: vault.Notice{Version: "1", Language: "fr", Text: "Ce que le service saura."},
}

func newReminding(t testing.TB) *reminding {
	p := &post{}
	return &reminding{newScene(t, &vaulttest.Options{Messenger: p}), p}
}

// agree goes both steps.
func (r *reminding) agree(t testing.TB, v *vault.Vault) vault.Receipt {
	t.Helper()
	require.NoError(t, v.AskReminders(t.Context(), choice))
	sent := r.post.take()
	require.Len(t, sent, 1)
	require.Equal(t, vault.MessageCode, sent[0].Kind)
	receipt, err := v.ConfirmReminders(t.Context(), sent[0].Code)
	require.NoError(t, err)
	return receipt
}

func (r *reminding) appointment(t testing.TB, at time.Time) vault.Item {
	t.Helper()
	it, err := r.v.AddAppointment(t.Context(), "Avocat", vault.Appointment{Start: at, Zone: "Europe/Paris", Place: "12 rue Secrète", With: "Me Secret", Note: "asile"}, vault.Place{})
	require.NoError(t, err)
	return it
}

// at sets the clock and sends what is due.
func (r *reminding) at(t testing.TB, now time.Time) []vault.Message {
	t.Helper()
	r.Clock.Set(now)
	_, err := r.SendReminders(t.Context())
	require.NoError(t, err)
	return r.post.take()
}

// The clock of a stage begins on 2 March 2026, 9:00 UTC.
var (
	inParis, _ = time.LoadLocation("Europe/Paris")
	friday     = time.Date(2026, 3, 6, 14, 30, 0, 0, inParis)
)

func TestAReminderComesWhenItWasChosenAndSaysNothingOfWhat(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	ctx := t.Context()
	it := r.appointment(t, friday)
	_, err := r.v.Remind(ctx, it.ID, 24*time.Hour)
	requireInvalid(t, err, "reminders") // not without a yes
	receipt := r.agree(t, r.v)
	require.NoError(t, receipt.Verify(r.PublicKey()))
	require.Equal(t, vault.ActRemindersBegun, receipt.Act)
	next, err := r.v.Remind(ctx, it.ID, 2*time.Hour, 24*time.Hour)
	require.NoError(t, err)
	require.True(t, next.Equal(time.Date(2026, 3, 5, 14, 0, 0, 0, inParis)), "%v", next)
	what, err := r.v.Reminders(ctx)
	require.NoError(t, err)
	require.Equal(t, phone, what.Address)
	require.Equal(t, []time.Duration{24 * time.Hour, 2 * time.Hour}, what.Items[0].Leads)
	require.Equal(t, "Ce que le service saura.", what.Notice.Text)
	r.v.Close()
	require.Empty(t, r.at(t, next.Add(-time.Minute)))
	for _, at := range []time.Time{time.Date(2026, 3, 5, 14, 5, 0, 0, inParis), time.Date(2026, 3, 6, 12, 5, 0, 0, inParis)} {
		sent := r.at(t, at)
		require.Len(t, sent, 1)
		require.True(t, sent[0].At.Equal(friday))
		sent[0].At, sent[0].ID = time.Time{}, ""
		require.Equal(t, vault.Message{Kind: vault.MessageAppointment, Channel: vault.BySMS, Address: phone, Language: "fr"}, sent[0], "and nothing else")
		require.Empty(t, r.at(t, at.Add(30*time.Minute)), "once")
	}
	require.Empty(t, r.at(t, friday.Add(48*time.Hour)))
	require.Empty(t, keys(t, r.Store, r.key("re/")), "when it is over nothing is kept of it")
}

// Three codes a day to one address, whoever asks for them, and nothing of it is left.
func TestNobodysPhoneRingsForManyVaults(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	var wait *vault.BackOffError
	for n := range 5 {
		v := r.Person(t).Vault
		err := v.AskReminders(t.Context(), choice)
		if n < 3 {
			require.NoError(t, err)
			continue
		}
		require.ErrorAs(t, err, &wait)
		require.Equal(t, 15*time.Hour, wait.Wait, "until midnight")
	}
	require.Len(t, r.post.take(), 3)
	other := choice
	other.Address = "+33699999999"
	require.NoError(t, r.v.AskReminders(t.Context(), other), "another address")
	require.Len(t, keys(t, r.Store, "svc/code/"), 2)
	r.Clock.Advance(16 * time.Hour)
	_, err := r.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys(t, r.Store, "svc/code/"))
	require.NoError(t, r.Person(t).Vault.AskReminders(t.Context(), choice))
}

// A mail server that hangs costs one wait, whatever there is for it, and no SMS.
func TestAHangingMailServerHoldsNoSMSUp(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	mail := choice
	mail.Channel = vault.ByEmail
	at := func(v *vault.Vault, c vault.ReminderChoice) {
		require.NoError(t, v.AskReminders(t.Context(), c))
		_, err := v.ConfirmReminders(t.Context(), r.post.take()[0].Code)
		require.NoError(t, err)
		it, err := v.AddAppointment(t.Context(), "x", vault.Appointment{Start: friday, Zone: "Europe/Paris"}, vault.Place{})
		require.NoError(t, err)
		_, err = v.Remind(t.Context(), it.ID, 24*time.Hour)
		require.NoError(t, err)
	}
	for n := range 4 {
		mail.Address = fmt.Sprintf("a%d@example.org", n)
		at(r.Person(t).Vault, mail)
	}
	at(r.v, choice)
	hangs := &hangingMail{post: r.post}
	other := r.Another(t, &vaulttest.Options{Messenger: hangs})
	other.SetSendWaits(20 * time.Millisecond)
	r.Clock.Set(friday.Add(-24 * time.Hour))
	report, err := other.SendReminders(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.ReminderReport{Sent: 1, Failed: 4}, report)
	require.Equal(t, vault.BySMS, r.post.take()[0].Channel)
	require.EqualValues(t, 1, hangs.tried.Load(), "and not once for each")
	require.Len(t, r.at(t, r.Clock.Now().Add(2*time.Hour)), 4, "when it answers again, they come")
}

// hangingMail is a messenger whose mail server answers nothing.
type hangingMail struct {
	*post
	tried atomic.Int32
}

func (h *hangingMail) Send(ctx context.Context, m vault.Message) error {
	if m.Channel == vault.ByEmail {
		h.tried.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}
	return h.post.Send(ctx, m)
}

func TestRemindersAreByDay(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	r.agree(t, r.v)
	early := r.appointment(t, time.Date(2026, 3, 6, 6, 30, 0, 0, inParis))
	next, err := r.v.Remind(t.Context(), early.ID, time.Hour)
	require.NoError(t, err)
	require.True(t, next.Equal(time.Date(2026, 3, 5, 19, 0, 0, 0, inParis)), "the evening before, not at half past five: %v", next)
	// The service was away at the evening: not by night, and then it is too late.
	require.Empty(t, r.at(t, time.Date(2026, 3, 5, 23, 0, 0, 0, inParis)))
	require.Empty(t, r.at(t, time.Date(2026, 3, 6, 8, 0, 0, 0, inParis)))
	// Of a day, the day before at nine, also when summer time begins in between (29 March).
	r.v = r.person.SignIn(t, r.Stage)
	doc := addTo(t, r.v, vault.NewDocument{Name: "carte", Expires: "2026-03-29"}, []byte("x"))
	next, err = r.v.Remind(t.Context(), doc.ID, 7*24*time.Hour, 24*time.Hour)
	require.NoError(t, err)
	require.True(t, next.Equal(time.Date(2026, 3, 22, 9, 0, 0, 0, inParis)), "%v", next)
	sent := r.at(t, time.Date(2026, 3, 28, 9, 2, 0, 0, inParis))
	require.Empty(t, sent, "the week's is too late by six days")
	r.v = r.person.SignIn(t, r.Stage)
	moved := r.appointment(t, time.Date(2026, 3, 30, 10, 0, 0, 0, inParis))
	next, err = r.v.Remind(t.Context(), moved.ID, 2*24*time.Hour)
	require.NoError(t, err)
	require.True(t, next.Equal(time.Date(2026, 3, 28, 10, 0, 0, 0, inParis)), "the same hour of the clock: %v", next)
}

func TestRemindersFollowTheItemInItsOwnCommit(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	ctx := t.Context()
	r.agree(t, r.v)
	set := func(it vault.Item) {
		_, err := r.v.Remind(ctx, it.ID, 24*time.Hour)
		require.NoError(t, err)
		require.Len(t, keys(t, r.Store, r.key("re/")), 1)
	}
	it := r.appointment(t, friday)
	set(it)
	later := *it.Appointment
	later.Start = friday.AddDate(0, 0, 3)
	it, err := r.v.Edit(ctx, it.ID, it.Revision, vault.Edit{Appointment: &later})
	require.NoError(t, err)
	it, err = r.v.Move(ctx, it.ID, it.Revision, vault.Shared)
	require.NoError(t, err)
	require.Empty(t, r.at(t, friday.Add(-24*time.Hour)))
	r.v = r.person.SignIn(t, r.Stage)
	require.Len(t, r.at(t, friday.AddDate(0, 0, 2)), 1, "it moved, and knows it in either compartment")
	// After it was sent, a new date is a new reminder.
	r.v = r.person.SignIn(t, r.Stage)
	later.Start = friday.AddDate(0, 0, 6)
	it, err = r.v.Edit(ctx, it.ID, it.Revision, vault.Edit{Appointment: &later})
	require.NoError(t, err)
	require.Len(t, r.at(t, friday.AddDate(0, 0, 5)), 1)
	r.v = r.person.SignIn(t, r.Stage)
	later.Start = friday.AddDate(0, 0, 20)
	it, err = r.v.Edit(ctx, it.ID, it.Revision, vault.Edit{Appointment: &later})
	require.NoError(t, err)
	it, err = r.v.Bin(ctx, it.ID, it.Revision)
	require.NoError(t, err)
	require.Empty(t, keys(t, r.Store, r.key("re/")))
	it, err = r.v.Restore(ctx, it.ID, it.Revision)
	require.NoError(t, err)
	set(it)
	require.NoError(t, r.v.Destroy(ctx, it.ID, it.Revision))
	require.Empty(t, keys(t, r.Store, r.key("re/")))
	doc := addTo(t, r.v, vault.NewDocument{Name: "carte", Expires: "2026-06-01"}, []byte("x"))
	set(doc)
	_, err = r.v.Edit(ctx, doc.ID, doc.Revision, vault.Edit{Expires: ptr(vault.Date(""))})
	require.NoError(t, err)
	require.Empty(t, keys(t, r.Store, r.key("re/")))
	for key := range dueKeys(t, r.Store) {
		require.NotContains(t, key, "remind-")
	}
}

func dueKeys(t testing.TB, store *storage.Store) map[string]bool {
	out := map[string]bool{}
	for _, k := range keys(t, store, "due/") {
		out[k] = true
	}
	return out
}

// What ends the consent ends everything, whatever the store brings back of it.
func TestNothingIsSentAfterTheConsentEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, r *reminding){
		"withdrawn": func(t *testing.T, r *reminding) {
			receipt, err := r.v.StopReminders(t.Context())
			require.NoError(t, err)
			require.NoError(t, receipt.Verify(r.PublicKey()))
		},
		"given anew": func(t *testing.T, r *reminding) { r.agree(t, r.v) },
		"keys changed": func(t *testing.T, r *reminding) {
			require.NoError(t, r.v.ChangePassword(t.Context(), vault.ChangePassword{Old: r.person.Password, New: r.person.Password + " x", KnownToOthers: true}))
		},
		"closed": func(t *testing.T, r *reminding) {
			_, err := r.v.CloseAccount(t.Context(), r.person.Password)
			require.NoError(t, err)
		},
		"erased": func(t *testing.T, r *reminding) {
			_, err := r.v.Erase(t.Context(), r.person.Password)
			require.NoError(t, err)
		},
		"died": func(t *testing.T, r *reminding) {
			_, err := r.RecordDeath(t.Context(), r.v.ID(), vault.DeathRecord{By: "a", Organisation: "b", Evidence: "c"})
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReminding(t)
			r.agree(t, r.v)
			_, err := r.v.Remind(t.Context(), r.appointment(t, friday).ID, 24*time.Hour)
			require.NoError(t, err)
			kept := map[string][]byte{}
			for _, prefix := range []string{r.key("remind"), r.key("re/"), "due/"} {
				for _, k := range keys(t, r.Store, prefix) {
					kept[k] = get(t, r.Store, k)
				}
			}
			end(t, r)
			if name != "died" {
				for k := range kept {
					if strings.Contains(k, "remind") && name != "given anew" && !strings.HasPrefix(k, "due/") {
						require.NotContains(t, keys(t, r.Store, r.key("")), k)
					}
				}
			}
			require.NoError(t, r.Store.Transact(t.Context(), func(tx *storage.Tx) error {
				for k, value := range kept {
					tx.Put(k, value)
				}
				return nil
			}))
			r.Clock.Set(friday.Add(-24 * time.Hour))
			_, _ = r.SendReminders(t.Context())
			require.Empty(t, r.post.take())
		})
	}
}

func TestACodeProvesTheAddressAndIsLimited(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	ctx := t.Context()
	_, err := r.v.ConfirmReminders(ctx, "123456")
	requireInvalid(t, err, "code")
	for n := range 3 {
		require.NoError(t, r.v.AskReminders(ctx, choice))
		code := r.post.take()[0].Code
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		tries := 5
		if n == 2 {
			tries = 1
			r.Clock.Advance(31 * time.Minute)
			r.v = r.person.SignIn(t, r.Stage)
		}
		for range tries {
			_, err := r.v.ConfirmReminders(ctx, wrong)
			requireInvalid(t, err, "code")
		}
		_, err = r.v.ConfirmReminders(ctx, code)
		requireInvalid(t, err, "code")
	}
	var wait *vault.BackOffError
	require.ErrorAs(t, r.v.AskReminders(ctx, choice), &wait)
	require.Empty(t, r.post.take(), "nobody is spammed")
	r.Clock.Advance(24 * time.Hour)
	r.v = r.person.SignIn(t, r.Stage)
	r.post.refuse = errors.New("to +33612345678: no")
	err = r.v.AskReminders(ctx, choice)
	require.ErrorIs(t, err, vault.ErrNotSent)
	require.NotContains(t, err.Error(), "336")
	for field, c := range map[string]vault.ReminderChoice{
		"address": {Channel: vault.BySMS, Address: "0612345678", Language: "fr", Zone: "Europe/Paris", Notice: choice.Notice},
		"zone":    {Channel: vault.ByEmail, Address: "a@b.example", Language: "fr", Zone: "Local", Notice: choice.Notice},
		"channel": {Channel: "pigeon", Language: "fr", Zone: "Europe/Paris", Notice: choice.Notice},
		"notice":  {Channel: vault.ByEmail, Address: "a@b.example", Language: "fr", Zone: "Europe/Paris"},
	} {
		requireInvalid(t, r.v.AskReminders(ctx, c), field)
	}
	// What is one address to a parser, and two, or one of the own network, to a mail server.
	for _, address := range []string{`"victim@example.org> NOTIFY=NEVER, <x"@example.org`, `"a b"@example.org`, "root@[127.0.0.1]", "a@example.org (b)"} {
		c := choice
		c.Channel, c.Address = vault.ByEmail, address
		requireInvalid(t, r.v.AskReminders(ctx, c), "address")
	}
	requireInvalid(t, r.v.AskReminders(ctx, vault.ReminderChoice{Channel: vault.ByEmail, Address: "a@b.example\r\nBcc: c@d.example", Language: "fr", Zone: "Europe/Paris", Notice: choice.Notice}), "address")
}

// Many services send one message; a refused one is tried three times; one of which a
// dying service never said what became of it is not sent again.
func TestOneReminderIsSentByOneService(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	ctx := t.Context()
	r.agree(t, r.v)
	due := friday.Add(-24 * time.Hour)
	it := r.appointment(t, friday)
	_, err := r.v.Remind(ctx, it.ID, 24*time.Hour, 3*time.Hour)
	require.NoError(t, err)
	other := r.Another(t, &vaulttest.Options{Messenger: r.post})
	r.Clock.Set(due)
	var all sync.WaitGroup
	for _, s := range []*vault.Vaults{r.Vaults, other.Vaults, r.Vaults, other.Vaults} {
		all.Go(func() { _, _ = s.SendReminders(ctx) })
	}
	all.Wait()
	require.Len(t, r.post.take(), 1)

	r.post.refuse = errors.New("the gateway is away")
	for range 8 {
		require.Empty(t, r.at(t, r.Clock.Now().Add(3*time.Hour).Truncate(time.Hour)))
	}
	r.post.refuse = nil

	// A service dies between taking and sending.
	r.v = r.person.SignIn(t, r.Stage)
	next := r.Clock.Now().Add(7 * 24 * time.Hour)
	late := r.appointment(t, next)
	_, err = r.v.Remind(ctx, late.ID, 48*time.Hour, 24*time.Hour)
	require.NoError(t, err)
	dies, cancel := context.WithCancel(ctx)
	r.post.hook = func() { panic("power cut") }
	what, err := r.v.Reminders(ctx)
	require.NoError(t, err)
	first := what.Items[len(what.Items)-1].Next
	r.Clock.Set(first)
	require.Panics(t, func() { _, _ = r.SendReminders(dies) })
	cancel()
	r.post.hook = nil
	for h := range 5 {
		require.Empty(t, r.at(t, first.Add(time.Duration(h)*time.Hour)), "not again")
	}
	require.Len(t, r.at(t, first.Add(24*time.Hour)), 1, "the next lead comes")
}

func TestARefusedReminderIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	r.agree(t, r.v)
	at := time.Date(2026, 3, 6, 14, 0, 0, 0, inParis)
	_, err := r.v.Remind(t.Context(), r.appointment(t, at).ID, 24*time.Hour)
	require.NoError(t, err)
	r.post.refuse = errors.New("away")
	tries := 0
	r.post.hook = func() { tries++ }
	for h := range 5 {
		require.Empty(t, r.at(t, at.Add(time.Duration(h-24)*time.Hour)))
	}
	require.Equal(t, 3, tries)
	require.Len(t, keys(t, r.Store, r.key("re/")), 1)
}

// What a court gets with the store and all keys of the service is what the person was
// told, and nothing of their papers.
func TestACourtReadsOfRemindersWhatThePersonWasTold(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	r.agree(t, r.v)
	it := r.appointment(t, friday)
	_, err := r.v.Remind(t.Context(), it.ID, 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, []string{"sms", phone, "fr", "Europe/Paris", "appointment", friday.UTC().Format(time.RFC3339), "Europe/Paris", "Europe/Paris", "1440"}, r.CourtReadsReminders(t, r.v.ID()))
	for _, k := range append(keys(t, r.Store, r.key("re")), keys(t, r.Store, "due/")...) {
		require.NotContains(t, k, it.ID.String(), "not of which item it is")
		require.NotContains(t, string(get(t, r.Store, k)), "612345678")
	}
}

// TestRemindersDoWhatAModelSays: whatever a person does in whatever order, each message
// is one that a simple list of what they want would send, and none is missing.
func TestRemindersDoWhatAModelSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newReminding(t)
		ctx := t.Context()
		type wanted struct {
			it   vault.Item
			due  time.Time
			live bool
		}
		var all []*wanted
		agreed := false
		now := r.Clock.Now()
		end := func() {
			for _, w := range all {
				w.live = false
			}
		}
		for range rapid.IntRange(3, 12).Draw(rt, "acts") {
			r.v = r.person.SignIn(t, r.Stage)
			switch act := rapid.IntRange(0, 5).Draw(rt, "act"); {
			case act == 0 && !agreed:
				err := r.v.AskReminders(ctx, choice)
				if errors.Is(err, vault.ErrBackOff) {
					break
				}
				_, err = r.v.ConfirmReminders(ctx, r.post.take()[0].Code)
				require.NoError(t, err)
				agreed = true
			case act == 1 && agreed && len(all) < 5:
				start := time.Date(now.Year(), now.Month(), now.Day()+rapid.IntRange(2, 5).Draw(rt, "in"), 12, 0, 0, 0, inParis)
				w := &wanted{it: r.appointment(t, start), due: start.Add(-24 * time.Hour), live: true}
				_, err := r.v.Remind(ctx, w.it.ID, 24*time.Hour)
				require.NoError(t, err)
				all = append(all, w)
			case act == 2 && len(all) > 0: // to another day
				w := all[rapid.IntRange(0, len(all)-1).Draw(rt, "which")]
				if !w.it.Binned.IsZero() {
					break
				}
				a := *w.it.Appointment
				a.Start = a.Start.AddDate(0, 0, rapid.IntRange(1, 3).Draw(rt, "by"))
				var err error
				w.it, err = r.v.Edit(ctx, w.it.ID, w.it.Revision, vault.Edit{Appointment: &a})
				require.NoError(t, err)
				w.due = a.Start.Add(-24 * time.Hour)
				if now.After(w.due.Add(24 * time.Hour)) {
					w.live = false
				}
			case act == 3 && len(all) > 0:
				w := all[rapid.IntRange(0, len(all)-1).Draw(rt, "which")]
				if w.it.Binned.IsZero() {
					var err error
					w.it, err = r.v.Bin(ctx, w.it.ID, w.it.Revision)
					require.NoError(t, err)
					w.live = false
				}
			case act == 4 && rapid.IntRange(0, 2).Draw(rt, "really") == 0:
				_, err := r.v.StopReminders(ctx)
				require.NoError(t, err)
				agreed = false
				end()
			}
			for range rapid.IntRange(0, 30).Draw(rt, "hours") {
				now = now.Add(time.Hour)
				want := 0
				for _, w := range all {
					if w.live && w.due.Equal(now) {
						want++
					}
				}
				require.Len(t, r.at(t, now), want, "at %v", now)
				for _, w := range all {
					if w.live && !now.Before(w.due.Add(24*time.Hour)) {
						w.live = false // over; nothing is kept of it
					}
				}
			}
		}
	})
}
