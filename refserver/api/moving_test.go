package api

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// moves is somebody who leaves one server for another.
type moves struct {
	old, next *person
	code      MoveCode
}

func movers(t *testing.T) *moves {
	t.Helper()
	m := &moves{old: commonServer(t).newPerson(t), next: newServer(t, serverOptions{allowance: 20_000_000}).newPerson(t)}
	m.code = ok[MoveCode](m.next.call("POST", "/arrival", map[string]any{}), 201)
	return m
}

func (m *moves) digests(p *person) map[string]string {
	p.t.Helper()
	out := map[string]string{}
	page := ok[struct{ Items []Item }](p.call("GET", "/items?kind=document&limit=100", nil), 200)
	for _, it := range page.Items {
		sum := sha256.Sum256(p.content(it.ID).Body)
		out[it.Name] = base64.StdEncoding.EncodeToString(sum[:])
	}
	return out
}

func TestAPersonMovesFromOneServerToAnother(t *testing.T) {
	t.Parallel()
	m := movers(t)
	for i, name := range []string{"Carte", "Acte", "Photo"} {
		ok[Item](m.old.upload(name, paper(byte(i), 300_000+i), "Document-Compartment", []string{"private", "shared"}[i%2]), 201)
	}
	m.old.call("GET", "/departure", nil).refused(404, "not-found")
	look := ok[MoveTo](m.old.call("POST", "/departure/look", map[string]any{"code": m.code.Code}), 200)
	require.Equal(t, m.next.s.URL, look.To)
	require.Equal(t, strings.TrimPrefix(m.next.s.URL, "http://"), look.Host)
	away := ok[MoveAway](m.old.call("POST", "/departure", map[string]any{"code": m.code.Code}), 201)
	require.Nil(t, away.Receipt)
	m.old.call("POST", "/departure", map[string]any{"code": m.code.Code}).refused(409, "move-under-way")
	m.next.call("POST", "/arrival/import", map[string]any{}).refused(409, "offset")
	require.Zero(t, ok[struct{ Left int64 }](m.old.call("POST", "/departure/send", nil), 200).Left)
	require.False(t, ok[struct{ Confirmed bool }](m.old.call("POST", "/departure/confirm", nil), 200).Confirmed)

	here := ok[MoveHere](m.next.call("GET", "/arrival", nil), 200)
	require.True(t, here.Complete)
	require.Equal(t, away.Size, here.Size)
	plan := ok[struct {
		From string
		Plan BringingPlan
	}](m.next.call("POST", "/arrival/plan", map[string]any{}), 200)
	require.Equal(t, strings.TrimPrefix(m.old.s.URL, "http://"), plan.From)
	require.Equal(t, 3, plan.Plan.New)
	receipt := ok[moving.MoveReceipt](m.next.call("POST", "/arrival/import", map[string]any{}), 200)
	require.Equal(t, away.Digest, receipt.Digest)
	require.Equal(t, 3, receipt.Items)
	said := ok[struct {
		Confirmed bool
		Receipt   moving.MoveReceipt
	}](m.old.call("POST", "/departure/confirm", nil), 200)
	require.True(t, said.Confirmed)
	require.Equal(t, receipt, said.Receipt)
	require.Equal(t, m.digests(m.old), m.digests(m.next), "every paper is there to the byte, and here still")
	require.Len(t, m.digests(m.next), 3)
	require.Equal(t, &receipt, ok[MoveHere](m.next.call("GET", "/arrival", nil), 200).Receipt)
	m.next.call("DELETE", "/arrival", nil).done(204)
	m.old.call("DELETE", "/departure", nil).done(204)
}

// N74: with an open session alone nobody carries everything away.
func TestAMoveAwayAsksForTheSecret(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	r := tn.resident(t)
	code := ok[MoveCode](tn.resident(t).call("POST", "/arrival", map[string]any{}), 201)
	tn.passes(session.Lately)
	r.call("POST", "/departure", map[string]any{"code": code.Code}).refused(403, "secret-again")
	r.call("POST", "/sessions/current/secret", map[string]any{"secret": r.secret()}).done(204)
	ok[MoveAway](r.call("POST", "/departure", map[string]any{"code": code.Code}), 201)
}

func TestACodeThatLeadsNowhereSendsNothing(t *testing.T) {
	t.Parallel()
	m := movers(t)
	m.old.call("POST", "/departure/look", map[string]any{"code": "x"}).refused(422, "invalid")
	inside := m.next.vault
	for _, where := range []string{"http://internal.example", "https://someone@safe.example", "https://safe.example/path", "https://safe.example?x", "file:///etc/passwd"} {
		code, err := inside.AwaitTransfer(t.Context(), where, nil)
		require.NoError(t, err)
		m.old.call("POST", "/departure/look", map[string]any{"code": code.Text()}).refused(422, "move-address")
		m.old.call("POST", "/departure", map[string]any{"code": code.Text()}).refused(422, "move-address")
	}
	m.old.call("POST", "/departure", map[string]any{"code": m.code.Code}).refused(410, "move-over") // a new one ended it
	code, err := inside.AwaitTransfer(t.Context(), "http://127.0.0.1:1", nil)
	require.NoError(t, err)
	m.old.call("POST", "/departure", map[string]any{"code": code.Text()}).refused(503, "move-away")
	ok[Item](m.old.upload("Carte", paper(1, 30_000_000)), 201)
	m.code = ok[MoveCode](m.next.call("POST", "/arrival", map[string]any{}), 201)
	m.old.call("POST", "/departure", map[string]any{"code": m.code.Code}).refused(409, "move-room")
	m.old.call("GET", "/departure", nil).refused(404, "not-found")
}

// What another server may ask with a ticket, and that a stranger learns nothing: neither
// whose spaces there are nor that somebody moves.
func TestATicketAdmitsOneBundleAndNothingElse(t *testing.T) {
	t.Parallel()
	m := movers(t)
	server := m.next.s.stranger(t)
	sends := func(ticket, method, path string, body io.Reader, more ...string) *reply {
		return server.send(method, "/transfer"+path, body, append([]string{"Authorization", ticket}, more...)...)
	}
	guessed := "Bearer " + moving.TicketText(vault.TransferTicket{Vault: m.next.vault.ID(), Token: [32]byte{1}})
	for _, ticket := range []string{"Bearer x", "Bearer " + m.next.token, guessed, "Bearer " + moving.TicketText(vault.TransferTicket{})} {
		sends(ticket, "GET", "", nil).refused(404, "not-found")
		sends(ticket, "GET", "/receipt", nil).refused(404, "not-found")
		offer := `{"size":10,"digest":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `","box":"AAAA"}`
		sends(ticket, "PUT", "", strings.NewReader(offer), "Content-Type", "application/json").refused(404, "not-found")
		sends(ticket, "PATCH", "/bundle", strings.NewReader("x"), "Content-Type", moving.MediaType, "Upload-Offset", "0").refused(404, "not-found")
	}
	server.call("GET", "/transfer", nil).refused(401, "session-ended")
	// The ticket itself is what the old server sends.
	var ticket string
	next := m.next.s.Config.Handler
	m.next.s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, moving.Path) {
			ticket = r.Header.Get("Authorization")
			require.NotContains(t, r.URL.String(), ticket[len("Bearer "):])
		}
		next.ServeHTTP(w, r)
	})
	ok[Item](m.old.upload("Carte", paper(1, 300_000)), 201)
	away := ok[MoveAway](m.old.call("POST", "/departure", map[string]any{"code": m.code.Code}), 201)
	require.NotEmpty(t, ticket)
	ok[moving.Keys](sends(ticket, "GET", "", nil), 200)
	for _, path := range []string{"/items", "/arrival", "/departure", "/journal"} {
		server.send("GET", path, nil, "Authorization", ticket).refused(401, "session-ended")
	}
	offer := `{"size":10,"digest":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `","box":"AAAA"}`
	sends(ticket, "PUT", "", strings.NewReader(offer), "Content-Type", "application/json").refused(422, "repeated")
	sends(ticket, "PUT", "", strings.NewReader(strings.Replace(offer, "AAAA", "", 1)), "Content-Type", "application/json").refused(422, "invalid")
	sends(ticket, "PUT", "", strings.NewReader(`{"size":10,"digest":"AAAA","box":"AAAA"}`), "Content-Type", "application/json").refused(422, "invalid")
	piece := bytes.Repeat([]byte{7}, int(away.Size))
	at := sends(ticket, "PATCH", "/bundle", bytes.NewReader(piece), "Content-Type", moving.MediaType, "Upload-Offset", "5")
	at.refused(409, "offset")
	require.Equal(t, "0", at.Header.Get("Upload-Offset"))
	sends(ticket, "PATCH", "/bundle", bytes.NewReader(piece), "Content-Type", "application/json", "Upload-Offset", "0").refused(415, "media-type")
	sends(ticket, "PATCH", "/bundle", bytes.NewReader(piece), "Content-Type", moving.MediaType).refused(422, "invalid")
	sends(ticket, "PATCH", "/bundle", bytes.NewReader(piece), "Content-Type", moving.MediaType, "Upload-Offset", "0").refused(422, "invalid") // N72
	require.Zero(t, ok[MoveHere](m.next.call("GET", "/arrival", nil), 200).Offset, "it is thrown away")
	require.Zero(t, ok[struct{ Left int64 }](m.old.call("POST", "/departure/send", nil), 200).Left, "and sent again")
	over := sends(ticket, "PATCH", "/bundle", strings.NewReader("more"), "Content-Type", moving.MediaType, "Upload-Offset", strconv.FormatInt(away.Size, 10))
	over.refused(409, "offset")
	m.next.call("DELETE", "/arrival", nil).done(204)
	sends(ticket, "GET", "", nil).refused(404, "not-found")
}

// What a person agreed to at the old server, and what was signed for it, goes along: it comes
// to the new one as it is.
func TestTheReceiptsOfConsentArriveWithAMove(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	next := commonServer(t).newPerson(t)
	code := ok[MoveCode](next.call("POST", "/arrival", map[string]any{}), 201)
	ok[MoveAway](amina.call("POST", "/departure", map[string]any{"code": code.Code}), 201)
	require.Zero(t, ok[struct{ Left int64 }](amina.call("POST", "/departure/send", nil), 200).Left)
	came, err := next.vault.OpenArrival(t.Context())
	require.NoError(t, err)
	bundle, err := zip.NewReader(came, came.Size())
	require.NoError(t, err)
	receipt, err := fs.ReadFile(bundle, "reconnect/data/receipts/0001.json")
	require.NoError(t, err)
	require.Contains(t, string(receipt), "Accueil")
	require.NoError(t, came.Close())
}
