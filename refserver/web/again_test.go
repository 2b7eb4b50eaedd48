package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
)

// Whoever finds a phone that is signed in reads what is on it. They make nothing
// worthless and destroy nothing, and do not take all of it away.
func TestAnOpenSessionAloneDestroysAndTakesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	paper := amina.upload(url.Values{"title": {"Attestation"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	id := strings.TrimPrefix(paper, "/papers/")
	amina.post("/items/"+id+"/bin", url.Values{"revision": {"1"}}).ok()
	made := amina.post("/card", url.Values{"password": {password}, "pin": {"482915"}, "again": {"482915"}}).ok("Vous avez une carte.")
	card, _, _ := strings.Cut(strings.Split(made.Body, `<p class="words" dir="ltr">`)[2], "<")

	tn.stage.Clock.Advance(session.Lately)
	destroy := amina.get("/items/"+id+"/destroy").form("", nil)
	for path, values := range map[string]url.Values{
		"/items/" + id + "/destroy": destroy, "/card/revoke": {}, "/take": {}, "/wishes": {"wish": {"erase"}},
	} {
		asked := amina.post(path, values).is(http.StatusForbidden, "Encore une fois", "J’ai une carte", "Un seul des deux suffit", "son code n’est gardé nulle part")
		for name, value := range values {
			require.Contains(t, asked.Body, `name="`+name+`" value="`+value[0]+`"`, "what was sent goes along")
		}
	}
	amina.post("/card/revoke", url.Values{"again": {"1"}, "password": {"wrong words here"}}).is(http.StatusForbidden, "Ce n’est pas le bon mot de passe").without("wrong words here")
	amina.get("/card").ok("Vous avez une carte.")
	amina.get("/bin").ok("Attestation")
	amina.get(paper).ok("Attestation") // reading and adding ask nothing
	amina.post("/notes/add", amina.get("/notes/add").form("", url.Values{"title": {"a"}, "text": {"b"}})).ok()

	// Once more with the secret, by which it is done at once; the rest asks nothing for a while.
	destroy.Set("again", "1")
	destroy.Set("card", card)
	destroy.Set("pin", "000000")
	amina.post("/items/"+id+"/destroy", destroy).is(http.StatusForbidden, "Ce n’est pas la bonne carte").without("000000")
	destroy.Set("pin", "482915")
	amina.post("/items/"+id+"/destroy", destroy).ok().without("Encore une fois")
	amina.get("/bin").ok().without("Attestation")
	amina.post("/wishes", url.Values{"wish": {"erase"}}).ok("Choisi")
	amina.post("/card/revoke", nil).ok("La carte est bloquée.")
	tn.stage.Clock.Advance(session.Lately)
	amina.post("/wishes", url.Values{"wish": {"keep"}}).is(http.StatusForbidden, "Encore une fois")
	amina.post("/take", url.Values{"again": {"1"}, "password": {password}}).is(http.StatusOK)
}

func TestAManagersOpenSessionAloneInvitesNobodyAndLeavesNoRelay(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	boss := tn.desk(tn.harbor.Manager)
	boss.post(tn.relayPath()+"/team/invite", url.Values{"roles": {"help"}}).ok()
	tn.stage.Clock.Advance(session.Lately + time.Second)
	for _, path := range []string{"/team/invite", "/leave"} {
		asked := boss.post(tn.relayPath()+path, url.Values{"roles": {"manage"}}).is(http.StatusForbidden, "Encore une fois").without("J’ai une carte", "Un seul des deux")
		require.Contains(t, asked.Body, `name="roles" value="manage"`)
		back := map[string]string{"/team/invite": tn.relayPath() + "/team", "/leave": tn.relayPath() + "/leave"}[path]
		require.Contains(t, asked.Body, `<a class="button" href="`+back+`">`, "who does not want to is where they were")
		boss.get(back).ok()
	}
	boss.post(tn.relayPath()+"/team/invite", url.Values{"roles": {"help"}, "again": {"1"}, "password": {boss.secret}}).ok()
	samir := tn.desk(tn.samir)
	tn.stage.Clock.Advance(session.Lately)
	samir.post(tn.relayPath()+"/leave", nil).is(http.StatusForbidden, "Encore une fois")
	samir.post(tn.relayPath()+"/leave", url.Values{"again": {"1"}, "password": {samir.secret}}).ok()
}
