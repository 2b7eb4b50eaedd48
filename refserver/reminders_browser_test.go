package main

import (
	"context"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// letters is a messenger that keeps e-mails.
type letters struct {
	mu  sync.Mutex
	got []vault.Message
}

func (l *letters) Offers(c vault.Channel) bool { return c == vault.ByEmail }

func (l *letters) Send(_ context.Context, m vault.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, m)
	return nil
}

func (l *letters) take() []vault.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

// A person lets the service remind them by e-mail, chooses, changes to being told at their
// centre, where the list is printed, and stops.
func TestRemindersInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	passes := []pass{frenchOnPhones, arabicOnDesks}
	if os.Getenv("RECONNECT_TEST_ALL") != "1" {
		passes = passes[:1]
	}
	for _, p := range passes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			post := &letters{}
			isReminded(newTownSending(t, w, p, post), post)
		})
	}
}

func isReminded(tn *town, post *letters) {
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(tn, err)
	friday := time.Date(2026, 3, 6, 14, 30, 0, 0, paris)
	_, err = tn.Amina.Vault.AddAppointment(tn.Context(), tn.writes("demande de logement"), vault.Appointment{Start: friday, Zone: "Europe/Paris", Place: "x"}, vault.Place{})
	require.NoError(tn, err)

	amina := tn.amina("reminders")
	amina.goTo(tn.url + "/reminders")
	amina.look("reminders", "reminders.title", "reminders.how", "reminders.told")
	amina.write("#f-reach", "amina@example.org")
	amina.press(`form:has(#f-reach) button:not([type=button])`)
	amina.look("reminders-code", "reminders.sent", "amina@example.org")
	sent := post.take()
	require.Len(tn, sent, 1)
	amina.write("#f-code", sent[0].Code)
	amina.press(`form[action="/reminders/code"] button:not([type=button])`)
	amina.look("reminders-begun", "done.reminders-begun", tn.writes("demande de logement"))
	amina.press(`input[name^=lead-][value=both]`)
	amina.press(`form[action="/reminders/choices"] button:not([type=button])`)
	amina.look("reminder-chosen", "done.reminder-noted", "reminders.next")

	// Then told at the centre: the code of its list, from whoever works there.
	amina.write("#f-call", tn.writes("Idris"))
	amina.press(`form:has(#f-call) button:not([type=button])`)
	amina.look("reminders-told", "reminders.sent", "Accueil du Port")
	samir := tn.atWork(tn.Samir, "told")
	list := tn.url + "/staff/relays/" + tn.Harbour.ID.String() + "/told"
	samir.goTo(list)
	samir.look("told-codes", "told.title", "told.codes", tn.writes("Idris"), "told.nothing")
	amina.write("#f-code", regexp.MustCompile(`\b[0-9]{6}\b`).FindString(samir.text()))
	amina.press(`form[action="/reminders/code"] button:not([type=button])`)
	amina.look("reminders-at-a-centre", "done.reminders-begun", "Accueil du Port")
	amina.press(`input[name^=lead-][value=day]`)
	amina.press(`form[action="/reminders/choices"] button:not([type=button])`)
	amina.waitFor("done.reminder-noted")

	tn.Clock.Set(friday.AddDate(0, 0, -1))
	_, err = tn.Stage.SendReminders(tn.Context())
	require.NoError(tn, err)
	require.Empty(tn, post.take(), "the e-mail is over")
	samir = tn.atWork(tn.Samir, "told")
	samir.goTo(list)
	samir.look("told", "told.title", tn.writes("Idris"), "told.hour")
	samir.without(tn.writes("demande de logement"), tn.Amina.Login)
	samir.onPaper("told-on-paper")
	samir.printed("told", tn.writes("Idris"), "14")

	amina = tn.amina("reminders")
	amina.goTo(tn.url + "/reminders")
	amina.press(`input[name^=lead-][value=none]`)
	amina.press(`form[action="/reminders/choices"] button:not([type=button])`)
	amina.waitFor("done.reminder-noted")
	amina.press(`form[action="/reminders/stop"] button`)
	amina.look("reminders-ended", "done.reminders-ended", "reminders.how")
	amina.without("Accueil du Port · " + tn.writes("Idris"))
}

// onPaper takes a picture of the page as it is printed.
func (s *surfer) onPaper(name string) {
	s.Helper()
	as := func(medium string) {
		s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium})
			return err
		}))
	}
	as("print")
	s.shoots(name)
	require.False(s, s.canSee("nav.back"), "what is for the screen is on the paper")
	as("")
}
