package api

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/recovery"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/sqlitestore"
)

func TestStory4_AForgottenPasswordOnSite(t *testing.T) {
	t.Parallel()
	story4(t, newHelped(t))
}

func story4(t *testing.T, h *helped) {
	t.Helper()
	h.amina.shares("Bail")
	ok[Item](h.amina.upload("Journal%20intime", paper(1, 900)), 201)
	bySecret := ok[made](h.amina.prepares(map[string]any{"answers": answers}), 201)
	require.Equal(t, []string{"answers-relay"}, bySecret.Made)
	require.True(t, bySecret.Strength.Enough)
	require.True(t, bySecret.Confirmed)
	session := h.amina.token

	o := h.harbour.opensFor(t, h.amina.id, "answers-relay")
	require.Equal(t, "open", o.Request.State)
	require.Empty(t, o.Request.Missing)
	require.Equal(t, h.harbour.staff[0].ID().String(), o.Request.By.Worker)
	in := ok[entered](h.enters(t, o), 201)
	require.Equal(t, "answers-relay", in.Kind)
	require.Equal(t, []string{"Le nom de ma première chèvre", "La chanson que ma tante chantait", "Ce que je voulais devenir"}, in.Questions)
	require.False(t, in.Private)
	require.Equal(t, in.HandOver, ok[HandOver](h.stranger(t).as(in.Token).call("GET", "/hand-over", nil), 200))
	h.stranger(t).as(in.Token).call("GET", "/items", nil).refused(401, "session-ended")

	h.completes(t, in.Token, map[string]any{"answers": []string{"Étoile", "La rivière", "Capitaine"}}).refused(403, "own-part")
	done := ok[back](h.completes(t, in.Token, map[string]any{"answers": forgiven}), 201)
	require.Equal(t, h.amina.id, done.ID)
	require.Equal(t, h.amina.login, done.Login)
	require.False(t, done.Private)
	require.Positive(t, done.Locked)
	amina := h.amina.as(done.Token)
	require.Equal(t, []string{"Bail"}, amina.documents())
	require.Equal(t, done.Locked, amina.locked())

	require.Nil(t, o.Request.Ended)
	own := ok[struct{ Requests []RecoveryRequest }](amina.call("GET", "/recovery/requests", nil), 200).Requests
	require.Equal(t, "done", own[0].State)
	require.NotNil(t, own[0].Ended)
	require.False(t, own[0].Ended.Before(own[0].Opened))

	// Everything of before is dead, and what is private is locked, and not lost.
	h.amina.as(session).call("GET", "/items", nil).refused(401, "session-ended")
	h.signsIn(t, h.amina.login, h.amina.password).refused(401, "sign-in")
	h.enters(t, o).refused(403, "hand-over-code")
	h.completes(t, in.Token, map[string]any{"answers": forgiven}).refused(401, "hand-over-ended")
	now := map[string]any{"password": newPassword}
	amina.call("POST", "/locked", map[string]any{"old": map[string]any{"password": "un autre"}, "secret": now}).refused(401, "sign-in")
	returned := ok[struct {
		Items     int
		Confirmed bool
	}](amina.call("POST", "/locked", map[string]any{"old": h.amina.secret(), "secret": now}), 200)
	require.Equal(t, done.Locked, returned.Items)
	again := h.amina.as(ok[signedIn](h.signsIn(t, done.Login, newPassword), 201).Token)
	require.ElementsMatch(t, []string{"Bail", "Journal intime"}, again.documents())
	again.call("POST", "/locked", map[string]any{"old": h.amina.secret(), "secret": now}).refused(404, "not-found")
	paths := ok[struct{ Paths []RecoveryPath }](again.call("GET", "/recovery", nil), 200).Paths
	require.Len(t, paths, 1)
	require.Equal(t, "due", paths[0].State, "it is to be made anew")
}

func TestStory4_WherePrivatePapersWereAllowedTheyComeBackToo(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	ok[Item](h.amina.upload("Journal%20intime", paper(1, 900)), 201)
	private := map[string]any{"private": true, "questions": answers["questions"]}
	ok[made](h.amina.prepares(map[string]any{"answers": private}), 201)
	in := ok[entered](h.enters(t, h.harbour.opensFor(t, h.amina.id, "answers-relay")), 201)
	require.True(t, in.Private)
	done := ok[back](h.completes(t, in.Token, map[string]any{"answers": forgiven}), 201)
	require.True(t, done.Private)
	require.Zero(t, done.Locked)
	require.Equal(t, []string{"Journal intime"}, h.amina.as(done.Token).documents())
}

func TestStory5_AForgottenPasswordByCall(t *testing.T) {
	t.Parallel()
	story5(t, newHelped(t))
}

func story5(t *testing.T, h *helped) {
	t.Helper()
	ok[Item](h.amina.upload("Journal%20intime", paper(1, 900)), 201)
	print := ok[made](h.amina.prepares(map[string]any{"sheet": map[string]any{"private": true, "language": "fr"}, "desk": h.line.id}), 201)
	require.ElementsMatch(t, []string{"sheet-relay", "sheet-desk"}, print.Made)
	require.NotEmpty(t, print.Sheet.Words)
	require.Equal(t, h.amina.login, print.Sheet.Login)
	require.Contains(t, print.Sheet.QR, strings.ReplaceAll(print.Sheet.Code, " ", ""))

	// Paul has never heard of her; she reads her login to him.
	paul := h.line.person[0]
	paul.call("POST", h.line.at("/recovery/find"), map[string]any{"login": h.resident(t).login}).refused(404, "not-found")
	found := ok[struct{ Vault string }](paul.call("POST", h.line.at("/recovery/find"), map[string]any{"login": h.amina.login}), 200)
	require.Equal(t, h.amina.id, found.Vault)
	h.line.opens(h.amina.id).refused(404, "not-found")
	script := ok[struct{ Steps []ScriptStep }](paul.call("GET", "/staff/recovery/script/sheet-desk?language=en", nil), 200).Steps
	require.Equal(t, "never", script[len(script)-1].Do)
	o := h.line.opensFor(t, found.Vault, "sheet-desk")
	queue := ok[struct{ Requests []QueuedRequest }](h.line.person[1].call("GET", h.line.at("/recovery/queue"), nil), 200).Requests
	require.Len(t, queue, 1)
	require.Equal(t, o.Request.ID, queue[0].Request.ID)

	in := ok[entered](h.enters(t, o), 201)
	mistyped := strings.Replace(print.Sheet.Code, print.Sheet.Code[:1], string('0'+('9'-print.Sheet.Code[0])), 1)
	h.completes(t, in.Token, map[string]any{"sheet": mistyped}).refused(422, "invalid")
	h.completes(t, in.Token, map[string]any{"sheet": print.Sheet.Code, "password": "123"}).refused(422, "invalid")
	done := ok[back](h.completes(t, in.Token, map[string]any{"sheet": strings.Join(print.Sheet.Words, " ")}), 201)
	require.True(t, done.Private)
	require.Equal(t, []string{"Journal intime"}, h.amina.as(done.Token).documents())
	h.signsIn(t, h.amina.login, h.amina.password).refused(401, "sign-in")

	// The sheet is dead; a new one is made.
	ways := ok[struct{ Ways []WayBack }](paul.call("GET", h.line.about(h.amina.id), nil), 200).Ways
	require.Empty(t, ways)
	after := &resident{person: h.amina.as(done.Token), password: newPassword, id: h.amina.id}
	second := ok[made](after.prepares(map[string]any{"sheet": map[string]any{"private": true}}), 201)
	require.NotEqual(t, print.Sheet.Code, second.Sheet.Code)
	require.Len(t, ok[struct{ Receipts []any }](after.call("GET", "/recovery/receipts", nil), 200).Receipts, 2)
	counts := ok[struct{ Counts []RecoveryCount }](h.line.manager.call("GET", h.line.at("/recovery/counts"), nil), 200).Counts
	require.NotEmpty(t, counts)
	require.Equal(t, "<10", counts[0].Count)
	paul.call("GET", h.line.at("/recovery/counts"), nil).refused(403, "not-manager")
}

// together opens a request with nothing of Amina's, to which all four have agreed.
func (h *helped) together(t *testing.T) (o opened, code map[string]any) {
	t.Helper()
	o = h.harbour.opensFor(t, h.amina.id, "helpers", h.line.id)
	request := "/requests/" + o.Request.ID
	code = map[string]any{"number": o.Number, "code": o.Code}
	requireNotReady(t, h.stranger(t).call("POST", "/hand-over", code), "desk", "relay-approval", "desk-approval", "wait")
	queue := ok[struct{ Requests []QueuedRequest }](h.line.person[0].call("GET", h.line.at("/recovery/queue"), nil), 200).Requests
	require.Len(t, queue, 1)
	given := ok[struct {
		Request RecoveryRequest
		Code    string
	}](h.line.person[0].call("POST", h.line.about(h.amina.id)+request+"/contribute", nil), 200)
	code["desk"] = given.Code
	recognised := map[string]any{"recognised": "seen every week"}
	h.harbour.person[0].call("POST", h.harbour.about(h.amina.id)+request+"/approve", recognised).refused(409, "agreed") // by opening it
	ok[RecoveryRequest](h.line.person[1].call("POST", h.line.about(h.amina.id)+request+"/approve", recognised), 200)
	r := ok[RecoveryRequest](h.harbour.person[1].call("POST", h.harbour.about(h.amina.id)+request+"/approve", recognised), 200)
	require.Equal(t, []string{"wait"}, r.Missing)
	return o, code
}

func TestStory6_NothingLeft(t *testing.T) {
	t.Parallel()
	story6(t, newHelped(t))
}

func story6(t *testing.T, h *helped) {
	t.Helper()
	h.amina.shares("Bail")
	ok[Item](h.amina.upload("Journal%20intime", paper(1, 900)), 201)
	ok[made](h.amina.prepares(map[string]any{"helpers": map[string]any{"private": true}, "desk": h.line.id}), 201)

	// Somebody pretends to be her. She reads it at her first screen, and ends it.
	o, code := h.together(t)
	requireNotReady(t, h.stranger(t).call("POST", "/hand-over", code), "wait")
	own := ok[struct{ Requests []RecoveryRequest }](h.amina.call("GET", "/recovery/requests", nil), 200).Requests
	require.Len(t, own, 1)
	require.Equal(t, "open", own[0].State)
	ok[struct{ Confirmed bool }](h.amina.call("DELETE", "/recovery/requests/"+o.Request.ID, nil), 200)
	h.amina.call("DELETE", "/recovery/requests/"+o.Request.ID, nil).refused(410, "recovery-over")
	listed := ok[struct{ Requests []RecoveryRequest }](h.harbour.person[1].call("GET", h.harbour.about(h.amina.id)+"/requests", nil), 200).Requests
	require.Equal(t, "cancelled", listed[0].State)
	h.stranger(t).call("POST", "/hand-over", code).refused(403, "hand-over-code")
	h.passes(recovery.LeastWaits().Helpers + day)
	h.stranger(t).call("POST", "/hand-over", code).refused(403, "hand-over-code")
	h.harbour.signIn(t)
	h.line.signIn(t)

	// This time it is her.
	_, code = h.together(t)
	h.passes(recovery.LeastWaits().Helpers - time.Minute)
	early := h.stranger(t).call("POST", "/hand-over", code)
	requireNotReady(t, early, "wait")
	token := early.refused(409, "not-ready").Look
	look := func() *reply { return h.stranger(t).as(token).call("GET", "/hand-over/look", nil) }
	for range 30 { // it costs no try
		requireNotReady(t, look(), "wait")
	}
	h.stranger(t).as(token).call("GET", "/hand-over", nil).refused(401, "hand-over-ended")
	h.stranger(t).as("no token").call("GET", "/hand-over/look", nil).refused(401, "hand-over-ended")
	h.passes(2 * time.Minute)
	require.Equal(t, 204, look().Status)
	half := map[string]any{"number": code["number"], "code": code["code"]}
	requireNotReady(t, h.stranger(t).call("POST", "/hand-over", half), "desk-code")
	in := ok[entered](h.stranger(t).call("POST", "/hand-over", code), 201)
	require.True(t, in.Later)
	require.False(t, in.Private)
	done := ok[back](h.completes(t, in.Token, nil), 201)
	amina := h.amina.as(done.Token)
	require.Equal(t, []string{"Bail"}, amina.documents())

	// What is private comes back later.
	pending := ok[struct{ Pending *PendingPrivate }](amina.call("GET", "/recovery/pending", nil), 200).Pending
	require.NotNil(t, pending)
	now := map[string]any{"secret": map[string]any{"password": newPassword}}
	amina.call("POST", "/recovery/pending", now).refused(409, "not-ready")
	h.passes(time.Duration(pending.Wait)*time.Second + time.Minute)
	amina = h.amina.as(ok[signedIn](h.signsIn(t, done.Login, newPassword), 201).Token)
	ok[struct{ Items int }](amina.call("POST", "/recovery/pending", now), 200)
	require.ElementsMatch(t, []string{"Bail", "Journal intime"}, amina.documents())
	require.Nil(t, ok[struct{ Pending *PendingPrivate }](amina.call("GET", "/recovery/pending", nil), 200).Pending)
}

// The same stories over real servers of records, with a witness that is reached as another
// organisation's is, by its address and its key.
func TestTheStoriesOfComingBackOverOtherServers(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]func(*testing.T, *helped){"answers on site": story4, "a sheet by call": story5, "nothing left": story6} {
		t.Run(name+", PostgreSQL", func(t *testing.T) {
			t.Parallel()
			records, err := postgresstore.Open(t.Context(), testservices.Postgres(t))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, records.Close()) })
			story(t, helpedOver(t, &townOptions{records: records, recovery: independently}))
		})
		t.Run(name+", SQLite, the witness elsewhere", func(t *testing.T) {
			t.Parallel()
			records, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, records.Close()) })
			story(t, helpedOver(t, &townOptions{records: records, recovery: elsewhere(t)}))
		})
	}
}

// elsewhere asks the witness through its server, as another process does.
func elsewhere(t *testing.T) func(*recovery.Config) {
	return func(cfg *recovery.Config) {
		t.Helper()
		identity := func(name string) *witness.Identity {
			i, err := witness.OpenIdentity(filepath.Join(t.TempDir(), name))
			require.NoError(t, err)
			return i
		}
		mine, theirs := identity("mine.key"), identity("theirs.key")
		server, err := witness.NewServer(witness.ServerConfig{Identity: theirs, Clients: []witness.ServedClient{{Name: "demo", Key: mine.Public(), Witness: cfg.Witness.(*witness.Witness)}}})
		require.NoError(t, err)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		h, ended := server.HTTP(), make(chan error, 1)
		go func() { ended <- h.ServeTLS(listener, "", "") }()
		t.Cleanup(func() {
			require.NoError(t, h.Close())
			require.ErrorIs(t, <-ended, http.ErrServerClosed)
		})
		client, err := witness.NewClient(witness.ClientConfig{URL: "https://" + listener.Addr().String(), Identity: mine, Server: theirs.Public()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		cfg.Independent, cfg.Witness = true, client
	}
}
