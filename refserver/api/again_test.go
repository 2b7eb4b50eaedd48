package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
)

// Whoever finds a token reads with it. It makes nothing worthless, destroys nothing, and
// does not take all of it away, until the secret was shown.
func TestAnOpenSessionAloneDestroysAndTakesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	amina := tn.resident(t)
	gone, kept := ok[Item](amina.upload("Carte", paper(1, 900)), 201), ok[Item](amina.upload("Bail", paper(2, 900)), 201)
	ok[struct{ Code string }](amina.call("POST", "/card", map[string]any{"pin": "902741", "secret": amina.secret()}), 201)
	destroy := func(it Item) *reply {
		return amina.call("DELETE", "/items/"+it.ID, nil, "If-Match", `"1"`)
	}
	acts := map[string]func() *reply{
		"destroy": func() *reply { return destroy(kept) },
		"export":  func() *reply { return amina.call("GET", "/export", nil) },
		"card":    func() *reply { return amina.call("DELETE", "/card", nil) },
		"wish":    func() *reply { return amina.call("PUT", "/wish", map[string]any{"want": "erase"}, "If-Match", "*") },
		"no wish": func() *reply { return amina.call("DELETE", "/wish", nil, "If-Match", "*") },
	}
	destroy(gone).done(http.StatusNoContent) // just after the sign-in
	tn.passes(session.Lately)
	for name, act := range acts {
		t.Log(name)
		act().refused(http.StatusForbidden, "secret-again")
	}
	require.Equal(t, http.StatusOK, amina.content(kept.ID).Status) // reading asks nothing
	amina.call("POST", "/sessions/current/secret", map[string]any{"secret": map[string]any{"password": "wrong wrong"}}).refused(http.StatusUnauthorized, "sign-in")
	destroy(kept).refused(http.StatusForbidden, "secret-again")
	amina.call("POST", "/sessions/current/secret", map[string]any{"secret": amina.secret()}).done(http.StatusNoContent)
	require.Equal(t, http.StatusOK, acts["export"]().Status)
	require.Equal(t, http.StatusOK, acts["card"]().Status)
	acts["destroy"]().done(http.StatusNoContent)
	tn.passes(session.Lately)
	acts["export"]().refused(http.StatusForbidden, "secret-again")
}

func TestAnOpenSessionAloneInvitesNobodyAndLeavesNoRelay(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	tn.passes(session.Lately)
	invite := func() *reply {
		return at.manager.call("POST", "/staff/relays/"+at.id+"/invitations", map[string]any{"roles": []string{"help"}})
	}
	invite().refused(http.StatusForbidden, "secret-again")
	at.worker.call("POST", "/staff/relays/"+at.id+"/leave", nil).refused(http.StatusForbidden, "secret-again")
	at.manager.call("POST", "/sessions/current/secret", map[string]any{"secret": map[string]any{"password": at.Manager.Password}}).done(http.StatusNoContent)
	require.Equal(t, http.StatusCreated, invite().Status)
}
