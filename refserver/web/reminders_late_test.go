package web_test

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who chooses a reminder whose hour is over is told that none comes, and for which thing;
// what is chosen for others in the same form is kept.
func TestAReminderThatComesTooLateIsNotCalledNoted(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	amina.post("/reminders", url.Values{"channel": {"relay"}, "relay": {tn.harbor.ID.String()}, "call": {"Lit 12"}}).
		ok("Six chiffres. L’équipe du centre vous les donne.").without("QR")
	list := tn.relayPath() + "/told"
	samir := tn.desk(tn.samir)
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(samir.get(list).text())
	amina.post("/reminders/code", url.Values{"code": {code}}).ok("Les rappels sont en place.")
	samir.get(list).ok().without("Codes à donner", code)

	now := tn.stage.Clock.Now()
	add := func(subject string, at time.Time) (id string) {
		path := amina.post("/appointments/add", amina.get("/appointments/add").form("", url.Values{"subject": {subject}, "date": {at.Format(time.DateOnly)}, "time": {at.Format("15:04")}})).ok().Path
		return path[len("/appointments/"):]
	}
	soon, tomorrow, later := add("Avocat", now.Add(90*time.Minute)), add("Mairie", now.Add(23*time.Hour)), add("Médecin", now.AddDate(0, 0, 9))
	amina.get("/appointments/" + soon).ok("Me le rappeler")
	chosen := url.Values{"lead-" + soon: {"day"}, "lead-" + tomorrow: {"day"}, "lead-" + later: {"same"}}
	page := amina.post("/reminders/choices", chosen).ok("C’est trop tard pour au moins un rappel", "Aucun rappel ne viendra plus").without("C’est noté.")
	require.Len(t, regexp.MustCompile("Sur la liste du centre").FindAllString(page.text(), -1), 2, "tomorrow's, late, and the later one, all with one button")
	amina.post("/reminders/choices", chosen).ok("C’est noté.", "Aucun rappel ne viendra plus")
	amina.get("/appointments/" + later).ok("Un rappel est prévu")
	amina.get("/appointments/" + soon).ok("Me le rappeler").without("Un rappel est prévu")
	for language, words := range map[string]string{"en": "No reminder will come any more", "ar": "فات الوقت المختار"} {
		amina.post("/language", url.Values{"language": {language}, "back": {"/reminders"}})
		amina.get("/reminders").ok(words)
	}
	_, err := tn.stage.SendReminders(t.Context())
	require.NoError(t, err)
	samir.get(list).ok("Lit 12").without("Il n’y a rien à dire")
}
