package api

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// Story 12, by who helps: a worker of a relay that follows ends every session of somebody
// whose phone is lost.
func TestStory12_ALostPhoneIsSignedOutByAFollowingRelay(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	story12(t, tn, tn.resident(t), tn.relay(t, "Accueil"), tn.relay(t, "Abri"))
}

func story12(t *testing.T, tn *town, amina *resident, at, stranger *relay) {
	t.Helper()
	const size = 40_000_000 // more than sockets hold
	item := ok[Item](amina.upload("Radio", paper(1, size)), 201)
	amina.follow(at)
	signsIn := func() *person {
		return amina.as(ok[signedIn](tn.stranger(t).call("POST", "/sessions", map[string]any{"login": amina.login, "password": amina.password, "device": "téléphone"}), 201).Token)
	}
	phone := signsIn()
	response, err := tn.Client().Do(phone.request("GET", "/documents/"+item.ID+"/content", nil))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	_, err = io.ReadFull(response.Body, make([]byte, 1000))
	require.NoError(t, err)

	path := "/people/" + amina.id + "/stop-sessions"
	lost := map[string]any{"purpose": map[string]any{"code": "other", "text": "téléphone perdu"}}
	stranger.worker.call("POST", "/staff/relays/"+stranger.id+path, lost).refused(404, "not-found")
	phone.call("POST", "/staff/relays/"+at.id+path, lost).refused(403, "staff-only")
	at.worker.call("POST", "/staff/relays/"+at.id+path, map[string]any{"purpose": map[string]any{"code": "other"}}).refused(422, "invalid")
	at.worker.call("POST", "/staff/relays/"+at.id+"/people/nonsense/stop-sessions", lost).refused(404, "not-found")
	phone.documents()

	require.True(t, ok[struct{ Confirmed bool }](at.worker.call("POST", "/staff/relays/"+at.id+path, lost), 200).Confirmed)
	tn.passes(2 * time.Second) // the gate asks at least that often while bytes flow
	rest, err := io.ReadAll(response.Body)
	require.Error(t, err, "never a success")
	require.Less(t, len(rest)+1000, size)
	for _, over := range []*person{phone, amina.person} {
		over.call("GET", "/items", nil).refused(401, "session-ended")
	}
	again := signsIn()
	require.Contains(t, again.documents(), "Radio")
	require.Len(t, ok[struct{ Sessions []Session }](again.call("GET", "/sessions", nil), 200).Sessions, 1)
	journal := string(again.call("GET", "/journal", nil).Body)
	require.Contains(t, journal, string(vault.ActSessionsEnded))
	require.Contains(t, journal, "téléphone perdu")
	require.Contains(t, journal, at.helper.Name())
	phone.call("GET", "/items", nil).refused(401, "session-ended")
}

// By the desk, which finds her by the login that she reads, and learns nothing else.
func TestStory12_ALostPhoneIsSignedOutByTheDesk(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	lost := map[string]any{"purpose": map[string]any{"code": "other", "text": "téléphone perdu"}}
	stop := h.line.at("/people/" + h.amina.id + "/stop-sessions")
	paul := h.line.person[0]
	paul.call("POST", stop, lost).refused(404, "not-found")
	h.amina.documents()

	ok[made](h.amina.prepares(map[string]any{"sheet": map[string]any{"private": true}, "desk": h.line.id}), 201)
	found := ok[struct{ Vault string }](paul.call("POST", h.line.at("/recovery/find"), map[string]any{"login": h.amina.login}), 200)
	require.Equal(t, h.amina.id, found.Vault)
	require.True(t, ok[struct{ Confirmed bool }](paul.call("POST", stop, lost), 200).Confirmed)
	h.amina.call("GET", "/items", nil).refused(401, "session-ended")
	again := h.amina.as(ok[signedIn](h.signsIn(t, h.amina.login, h.amina.password), 201).Token)
	journal := string(again.call("GET", "/journal", nil).Body)
	require.Contains(t, journal, "téléphone perdu")
	require.Contains(t, journal, h.line.staff[0].Name())
}
