package api

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// letterbox is a phone: it keeps what it is sent.
type letterbox struct {
	mu  sync.Mutex
	got []vault.Message
}

func (l *letterbox) Offers(c vault.Channel) bool { return c == vault.BySMS }

func (l *letterbox) Send(_ context.Context, m vault.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, m)
	return nil
}

func (l *letterbox) last() vault.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got[len(l.got)-1]
}

func TestAPersonIsRemindedOfWhatTheyChooseAndOfNothingElse(t *testing.T) {
	t.Parallel()
	phone := &letterbox{}
	tn := newTown(t, &townOptions{messenger: phone})
	amina := tn.resident(t)
	none := ok[Reminded](amina.call("GET", "/reminders", nil), 200)
	require.Equal(t, Reminded{Offered: []string{"sms", "relay"}, Items: []Reminder{}}, none)

	wants := map[string]any{"channel": "sms", "address": "+33 6 12 34 56 78", "language": "ar", "zone": "Europe/Paris", "notice": read("Le service saura votre numéro."), "agreed": false}
	amina.call("POST", "/reminders/code", wants).refused(422, "invalid")
	wants["agreed"] = true
	with := func(field string, value any) map[string]any {
		other := map[string]any{field: value}
		for k, v := range wants {
			if k != field {
				other[k] = v
			}
		}
		return other
	}
	for field, value := range map[string]any{"address": "0612345678", "zone": "Local", "channel": "email", "language": "x"} {
		amina.call("POST", "/reminders/code", with(field, value)).refused(422, "invalid")
	}
	require.Empty(t, phone.got, "nothing is sent that was not asked for well")

	amina.call("POST", "/reminders/code", wants).done(204)
	code := phone.last()
	require.Equal(t, vault.MessageCode, code.Kind)
	require.Equal(t, "+33612345678", ok[Reminded](amina.call("GET", "/reminders", nil), 200).AskedTo)
	amina.call("POST", "/reminders", map[string]any{"code": "x"}).refused(422, "invalid")
	begun := ok[Receipt](amina.call("POST", "/reminders", map[string]any{"code": code.Code}), 200)
	require.Equal(t, "reminders.begun", begun.Act)
	require.True(t, begun.Witnessed)

	start := tn.stage.Clock.Now().Add(9 * 24 * time.Hour)
	lawyer := ok[Item](amina.call("POST", "/appointments", map[string]any{"name": "Avocat", "appointment": map[string]any{"start": start, "zone": "Europe/Paris", "place": "12 rue des Lilas"}}), 201)
	path := "/reminders/items/" + lawyer.ID
	amina.call("PUT", path, map[string]any{"leads": []int{59}}).refused(422, "invalid")
	amina.call("PUT", path, map[string]any{"leads": []int{129_601}}).refused(422, "invalid")
	amina.call("PUT", path, map[string]any{"leads": []int{60, 120, 180, 240}}).refused(422, "invalid")
	amina.call("PUT", "/reminders/items/nonsense", map[string]any{"leads": []int{60}}).refused(404, "not-found")
	planned := ok[struct{ Next time.Time }](amina.call("PUT", path, map[string]any{"leads": []int{120, 1440}}), 200)
	now := ok[Reminded](amina.call("GET", "/reminders", nil), 200)
	require.NotNil(t, now.Since)
	require.Equal(t, []Reminder{{Item: lawyer.ID, Leads: []int{1440, 120}, Next: &planned.Next}}, now.Items)

	tn.passes(planned.Next.Sub(tn.stage.Clock.Now()))
	_, err := tn.stage.SendReminders(t.Context())
	require.NoError(t, err)
	sent := phone.last()
	require.Equal(t, vault.MessageAppointment, sent.Kind)
	require.Equal(t, "ar", sent.Language)

	amina.again(tn)
	for range 2 {
		require.Equal(t, "reminders.ended", ok[Receipt](amina.call("DELETE", "/reminders", nil), 200).Act)
	}
	require.Equal(t, none, ok[Reminded](amina.call("GET", "/reminders", nil), 200))
	amina.call("PUT", path, map[string]any{"leads": []int{60}}).refused(422, "invalid")
}

// A worker who has the space open neither sees nor changes where messages go.
func TestRemindersAreThePersonsAlone(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &townOptions{messenger: &letterbox{}})
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	ok[Opened](at.opens(amina.id), 200)
	at.worker.call("GET", "/reminders", nil).refused(403, "not-allowed")
	at.worker.call("DELETE", "/reminders", nil).refused(403, "not-allowed")
	at.worker.call("POST", "/reminders", map[string]any{"code": "123456"}).refused(403, "not-allowed")
	at.worker.call("PUT", "/reminders/items/x", map[string]any{"leads": []int{60}}).refused(403, "not-allowed")
}
