package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a worker has open may be refused for any reason: their other pages, closing it and
// signing out are not about it.
func TestAWorkerWhoMayNotOpenAnyMoreWhatIsOpenGoesOnWorking(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, samir, amina := tn.desk(tn.harbor.Manager), tn.desk(tn.samir), tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	tn.opens(samir).ok("Vous êtes dans l’espace de")
	manager.shows(tn.memberPath(tn.samir, "/roles"), url.Values{"roles": {"manage"}}).ok("C’est fait.")
	samir.get("/papers").is(http.StatusForbidden)
	samir.get("/staff").ok("Mes centres")
	samir.get(tn.relayPath() + "/team").ok("Inviter quelqu’un")
	at, err := url.Parse(tn.server.URL)
	require.NoError(t, err)
	thief := tn.stranger()
	thief.client.Jar.SetCookies(at, samir.client.Jar.Cookies(at))
	samir.post("/leave", nil).ok()
	require.Equal(t, "/staff/sign-in", thief.get("/staff").Path, "the session has ended")

	again := tn.desk(tn.samir)
	again.get("/").ok("Mes centres")
	again.post("/staff/close", nil).ok()
}
