package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who has no phone is told at the centre that follows them: from a list with the name that
// they gave for it and the hour, and nothing else.
func TestWhoHasNoPhoneIsCalledFromTheListOfTheirCentre(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.get("/reminders").ok("Un centre qui vous suit peut vous prévenir", "Qui peut voir").without("ne sont pas proposés")
	amina.follows(tn.harbor.Relay, nil).ok()
	amina.get("/reminders").ok("Me le dire ici", "Accueil du Port", "Ce que lit l’équipe du centre")
	told := url.Values{"channel": {"relay"}, "relay": {tn.harbor.ID.String()}}
	amina.post("/reminders", told).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	told.Set("call", strings.Repeat("x", 61))
	amina.post("/reminders", told).is(http.StatusUnprocessableEntity, "60 lettres")
	told.Set("call", "Lit 12")
	amina.post("/reminders", told).ok("Un code a été envoyé à", "Accueil du Port · Lit 12")

	list := tn.relayPath() + "/told"
	samir.get("/staff").ok("À dire aux personnes")
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(samir.get(list).ok("Codes à donner", "Lit 12").text())
	amina.post("/reminders/code", url.Values{"code": {code}}).ok("Les rappels sont en place.", "Accueil du Port · Lit 12")
	day := tn.stage.Clock.Now().AddDate(0, 0, 4)
	at := amina.post("/appointments/add", amina.get("/appointments/add").form("", url.Values{"subject": {"Avocat"}, "date": {day.Format(time.DateOnly)}, "time": {"14:30"}})).ok().Path
	amina.post("/reminders/choices", url.Values{"lead-" + at[len("/appointments/"):]: {"day"}}).ok("C’est noté.", "Sur la liste du centre", "Le jour même").without("eux heures avant")

	amina.follows(tn.stage.Relay(t, "Abri").Relay, nil).ok()
	both := amina.get("/reminders").ok("Dans quel centre", "Abri", "Accueil du Port", "Ce que lit l’équipe du centre").Body
	require.Equal(t, 1, strings.Count(both, `id="f-call"`), "one box, for whichever of them")

	tn.stage.Clock.Set(day.Add(-18 * time.Hour))
	_, err := tn.stage.SendReminders(t.Context())
	require.NoError(t, err)
	tn.desk(tn.samir).get(list).ok("Lit 12", "a un rendez-vous à 14 h 30").without("Avocat", amina.login, "Codes à donner")
}
