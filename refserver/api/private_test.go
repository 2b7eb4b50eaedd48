package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// everyOperation calls every operation of the document once, with bodies that fit and
// whatever ids it is given, and returns what each answered. Those that would end the
// caller's session or membership come last.
func (p *person) everyOperation(doc *openapi3.T, ids map[string]string, bodies map[string]any, skip ...string) map[string]*reply {
	p.t.Helper()
	out := map[string]*reply{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if slices.Contains(skip, op.OperationID) {
				continue
			}
			at := path
			for name, id := range ids {
				at = strings.ReplaceAll(at, "{"+name+"}", id)
			}
			require.NotContains(p.t, at, "{", "an id for every place")
			var body any
			if op.RequestBody != nil {
				if body = bodies[op.OperationID]; body == nil {
					body = map[string]any{}
				}
			}
			out[op.OperationID] = p.call(method, at, body, "If-Match", `"1"`, headerName, "x")
		}
	}
	return out
}

// Story 3. Whatever of the whole interface a worker or a manager calls, a private
// paper is neither listed, counted nor named in any answer, and is not changed.
func TestStory3_APrivatePaperIsInNoAnswerThatAWorkerGets(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &townOptions{recovery: independently})
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	open := amina.shares("Lettre")
	secret := ok[Item](amina.upload("Jugement", []byte("the judge's words")), 201)
	note := ok[Item](amina.call("POST", "/notes", map[string]any{"name": "Jugement-note", "note": map[string]any{"text": "the judge's words"}}), 201)
	amina.follow(at)
	ok[Opened](at.opens(amina.id), 200)
	doc := tn.document(t)

	for _, caller := range []*person{at.worker, at.manager} {
		for _, id := range []string{secret.ID, note.ID} {
			ids := map[string]string{
				"item": id, "relay": at.id, "vault": amina.id, "grant": amina.followers()[0].Grant, "receipt": id,
				"session": id, "draft": id, "worker": at.helper.ID().String(), "path": id, "request": id, "kind": "helpers", "upload": id,
				"link": id, "partner": id, "ask": id, "invitation": id,
			}
			bodies := map[string]any{
				"edit-item": map[string]any{"name": "Mine"}, "move-item": map[string]any{"compartment": "shared"},
				"open-person": map[string]any{"relay": at.id, "vault": amina.id, "purpose": housing},
			}
			answers := caller.everyOperation(doc, ids, bodies,
				"sign-out", "end-other-sessions", "leave-relay", "remove", "suspend", "rotate-relay-keys", "close-opened", "give-up", "stop-sessions", "lock-session", "sign-out-locked")
			for operation, a := range answers {
				require.NotContains(t, string(a.Body), "Jugement", operation)
				require.NotContains(t, string(a.Body), "judge", operation)
				if operation != "list-items" { // its own id is never answered with anything known of it
					require.NotContains(t, string(a.Body), id, operation)
				}
			}
			for _, operation := range []string{"get-item", "edit-item", "move-item", "bin-item", "restore-item", "destroy-item", "make-private", "read-content", "read-thumbnail", "replace-content", "control-document", "document-metadata"} {
				require.Contains(t, []int{403, 404, 409}, answers[operation].Status, operation)
			}
		}
	}
	require.Contains(t, at.worker.documents(), "Lettre")
	counts := ok[Counts](at.worker.call("GET", "/counts", nil), 200)
	require.Zero(t, counts.Private)
	require.Equal(t, "this is Lettre", string(at.worker.content(open.ID).Body))

	require.Equal(t, "the judge's words", string(amina.content(secret.ID).Body))
	require.Equal(t, secret, ok[Item](amina.call("GET", "/items/"+secret.ID, nil), 200), "untouched")
	require.Equal(t, note, ok[Item](amina.call("GET", "/items/"+note.ID, nil), 200), "untouched")
}

// What only a person does is refused to workers, and what only workers do to people.
func TestEverybodyHasTheirOwnOperations(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	ok[Opened](at.opens(amina.id), 200)
	for _, one := range []string{"GET /followers", "GET /receipts", "GET /rules", "GET /card", "DELETE /card", "GET /wish", "DELETE /wish", "GET /representatives", "GET /deposits", "POST /deposits/take-in", "POST /deposits/missing", "GET /death-record", "POST /death-record/dismiss", "GET /space-requests", "POST /account/reopen"} {
		method, path, _ := strings.Cut(one, " ")
		at.worker.call(method, path, nil).refused(403, "not-allowed")
	}
	at.worker.call("GET", "/export", nil).refused(403, "not-allowed")
	for _, one := range []string{"GET /staff/me", "GET /staff/relays", "GET /staff/opened", "DELETE /staff/opened", "GET /staff/relays/" + at.id + "/people", "GET /staff/relays/" + at.id + "/members"} {
		method, path, _ := strings.Cut(one, " ")
		amina.call(method, path, nil).refused(403, "staff-only")
		tn.stranger(t).call(method, path, nil).refused(401, "session-ended")
	}
	at.manager.call("GET", "/items", nil).refused(409, "nothing-open")
	require.Equal(t, 403, at.manager.call("PUT", "/staff/opened", map[string]any{"relay": tn.relay(t, "Abri").id, "vault": amina.id, "purpose": housing}).Status)
	at.worker.call("PUT", "/staff/opened", map[string]any{"relay": "nonsense", "vault": amina.id, "purpose": housing}).refused(404, "not-named")
	at.worker.call("PUT", "/staff/opened", map[string]any{"relay": at.id, "vault": "nonsense", "purpose": housing}).refused(404, "not-found")
	at.worker.call("PUT", "/staff/opened", map[string]any{"relay": at.id, "vault": amina.id, "purpose": map[string]any{"code": "other"}}).refused(422, "invalid")

	// Sessions and journal are the worker's own, also while somebody's space is open.
	sessions := ok[struct{ Sessions []Session }](at.worker.call("GET", "/sessions", nil), 200).Sessions
	require.True(t, slices.ContainsFunc(sessions, func(s Session) bool { return s.Device == "accueil" }))
	lines, err := json.Marshal(ok[struct{ Entries []Entry }](at.worker.call("GET", "/journal", nil), 200))
	require.NoError(t, err)
	require.NotContains(t, string(lines), amina.id)
}

func TestASessionHasOneSpaceOpenAndAnotherProcessKnowsWhich(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	amina, boris := tn.resident(t), tn.resident(t)
	amina.shares("Lettre d'Amina")
	boris.shares("Lettre de Boris")
	amina.follow(at)
	boris.follow(at)
	at.worker.call("GET", "/items", nil).refused(409, "nothing-open")
	ok[Opened](at.opens(amina.id), 200)
	require.Equal(t, []string{"Lettre d'Amina"}, at.worker.documents())

	second := over(t, tn.stage.Another(t, nil), nil, serverOptions{})
	there := *at.worker
	there.s = second
	require.Equal(t, []string{"Lettre d'Amina"}, there.documents())
	open := ok[Opened](at.opens(boris.id), 200)
	require.Equal(t, "housing", open.Purpose.Code)
	require.Equal(t, "see-and-add", open.Scope)
	require.Equal(t, open, ok[Opened](there.call("GET", "/staff/opened", nil), 200))
	require.Equal(t, []string{"Lettre de Boris"}, there.documents())
	there.call("DELETE", "/staff/opened", nil).done(204)
	at.worker.call("GET", "/items", nil).refused(409, "nothing-open")

	// Another session of the same worker has nothing open.
	ok[Opened](at.opens(amina.id), 200)
	tn.staff(t, at.helper).call("GET", "/items", nil).refused(409, "nothing-open")
}

func TestAWorkerAddsCorrectsAndMakesPrivateButTakesNothingAway(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	letter := amina.shares("Lettre")
	amina.follow(at)
	ok[Opened](at.opens(amina.id), 200)
	added := ok[Item](at.worker.upload("Attestation", []byte("for the file")), 201)
	require.Equal(t, "shared", added.Compartment)
	require.Equal(t, "worker", added.Origin.By.Kind)
	at.worker.call("POST", "/items/"+letter.ID+"/bin", nil, "If-Match", `"1"`).refused(403, "not-allowed")
	at.worker.call("DELETE", "/items/"+letter.ID, nil, "If-Match", `"1"`).refused(403, "not-allowed")
	at.worker.call("POST", "/items/"+letter.ID+"/make-private", nil).refused(428, "if-match-required")
	at.worker.call("POST", "/items/"+letter.ID+"/make-private", nil, "If-Match", `"9"`).refused(412, "revision")
	at.worker.call("POST", "/items/"+letter.ID+"/make-private", nil, "If-Match", `"1"`).done(204)
	at.worker.content(letter.ID).refused(404, "not-found")
	again := ok[signedIn](tn.stranger(t).call("POST", "/sessions", map[string]any{"login": amina.login, "password": amina.password}), 201)
	require.Contains(t, amina.as(again.Token).documents(), "Lettre")
	list := ok[listed](amina.as(again.Token).call("GET", "/items?compartment=private&kind=document", nil), 200).Items
	require.Equal(t, []string{"Lettre"}, names(list))

	at.worker.call("POST", "/staff/relays/"+at.id+"/people/"+amina.id+"/give-up", map[string]any{"purpose": map[string]any{"code": "other", "text": "partie"}}).done(204)
	// Seen at once, in the session that is open.
	require.Equal(t, "holder", amina.followers()[0].EndedBy)
	at.opens(amina.id).refused(404, "not-found")
}

func TestASuspendedWorkerIsOutAndComesBack(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at := tn.relay(t, "Accueil")
	member := "/staff/relays/" + at.id + "/members/" + at.helper.ID().String()
	ok[struct{}](at.changes("POST", member+"/suspend", nil), 200)
	require.Equal(t, 403, at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil).Status)
	ok[struct{}](at.changes("POST", member+"/resume", nil), 200)
	ok[struct{ People []Person }](at.worker.call("GET", "/staff/relays/"+at.id+"/people", nil), 200)
	ok[struct{}](at.changes("PUT", member+"/roles", map[string]any{"roles": []string{"help", "manage"}}, "If-Match", `"help"`), 200)
	ok[struct{ Members []Member }](at.worker.call("GET", "/staff/relays/"+at.id+"/members", nil), 200)
	at.changes("PUT", member+"/roles", map[string]any{"roles": []string{"boss"}}, "If-Match", `"help"`).refused(422, "invalid")
	at.changes("PUT", member+"/roles", map[string]any{"roles": []string{}}, "If-Match", `"help"`).refused(422, "invalid")
	sheet := ok[struct{ Sheet *Sheet }](at.changes("POST", "/staff/relays/"+at.id+"/keys", nil), 200).Sheet
	require.NotEmpty(t, sheet.Code)
	require.NotEqual(t, at.Sheet.Code, sheet.Code)
}

// A list in the place of a word is a mistake of who calls, and no fault of the server.
func TestAListWhereAWordBelongsIsRefused(t *testing.T) {
	t.Parallel()
	amina := newTown(t, &townOptions{recovery: independently}).resident(t)
	amina.call("POST", "/recovery/withdraw", map[string]any{"kinds": []any{[]any{"helpers"}}, "secret": map[string]any{"password": "x"}}).refused(422, "invalid")
}
