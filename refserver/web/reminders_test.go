package web_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// gateway keeps what it is given.
type gateway struct {
	mu  sync.Mutex
	got []vault.Message
}

func (g *gateway) Offers(c vault.Channel) bool { return c == vault.BySMS }

func (g *gateway) Send(_ context.Context, m vault.Message) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, m)
	return nil
}

func TestAPersonChoosesRemindersAndStopsThem(t *testing.T) {
	t.Parallel()
	g := &gateway{}
	p := open(t, &local.Options{Messenger: g}).newPerson()
	p.get("/choices").ok("Rappels")
	p.get("/reminders").ok("Ni le lieu, ni le nom, ni la raison.", "Tout lire", "Ce que le service saura.").without("Sur une liste")
	p.post("/reminders", url.Values{"channel": {"sms"}, "reach": {"12"}}).is(http.StatusUnprocessableEntity, "Ce n’est pas un numéro")
	p.post("/reminders", url.Values{"channel": {"sms"}, "reach": {"06 12 34 56 78"}}).ok("Un code a été envoyé à", "+33612345678")
	p.post("/reminders/code", url.Values{"code": {"x"}}).is(http.StatusUnprocessableEntity, "Ce n’est pas le bon code")
	p.post("/reminders/code", url.Values{"code": {g.got[0].Code}}).ok("Les rappels sont en place.")
	day := time.Now().AddDate(0, 0, 9)
	at := p.post("/appointments/add", p.get("/appointments/add").form("", url.Values{"subject": {"Avocat"}, "date": {day.Format(time.DateOnly)}, "time": {"14:30"}})).ok().Path
	id := at[len("/appointments/"):]
	p.get(at).ok("Me le rappeler").without("Un rappel est prévu")
	p.get("/reminders").ok("Avocat")
	p.post("/reminders/choices", url.Values{"lead-" + id: {"both"}}).ok("C’est noté.", "Prochain rappel")
	p.get(at).ok("Un rappel est prévu")
	p.post("/reminders/choices", url.Values{"lead-" + id: {"none"}}).ok("C’est noté.").without("Prochain rappel")
	p.post("/reminders/stop", nil).ok("Les rappels sont arrêtés").without("+33612345678")
	p.post("/reminders/choices", url.Values{"lead-" + id: {"day"}}).is(http.StatusUnprocessableEntity)
	require.Len(t, g.got, 1)
}

func TestWithoutAMessengerNothingIsOffered(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.get("/choices").ok().without("/reminders")
	p.get("/reminders").ok("Ici, les rappels ne sont pas proposés.")
}
