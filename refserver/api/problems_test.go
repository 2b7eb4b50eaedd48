package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
)

func TestProblemsSpeakTheLanguageOfTheCaller(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	for accept, word := range map[string]string{
		"fr": "connecté", "en": "signed", "en-GB,fr;q=0.5": "signed", "fr-CA": "connecté", "de,en;q=0.1": "signed",
		"": "connecté", "de": "connecté", "\"": "connecté",
	} {
		// Both from huma's side and from that of the streams.
		require.Contains(t, s.stranger(t).call("GET", "/items", nil, "Accept-Language", accept).refused(401, "session-ended").Title, word, accept)
	}
	french := p.call("POST", "/notes", map[string]any{}, "Accept-Language", "fr").refused(422, "invalid")
	english := p.call("POST", "/notes", map[string]any{}, "Accept-Language", "en").refused(422, "invalid")
	require.NotEqual(t, french.Title, english.Title)
	require.Equal(t, french.Type, english.Type)
}

func TestProblemsRepeatNothingThatWasSent(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	const secret = "tres-secret-77"
	bodies := []string{
		`{"login":"` + secret + `","password":"` + secret + `"}`,
		`{"login":"x","password":{"a":"` + secret + `"}}`,
		`{"login":"x","password":"y","` + secret + ` é":"z"}`,
		`{"login":"x","password":"` + secret + `"`,
		`"` + secret + `"`,
		`{"login":"` + strings.Repeat(secret, 100) + `","password":"x"}`,
	}
	for _, body := range bodies {
		got := s.stranger(t).send("POST", "/sessions", strings.NewReader(body), "Content-Type", "application/json")
		require.GreaterOrEqual(t, got.Status, 400)
		require.NotContains(t, string(got.Body), secret, body)
	}
	for _, path := range []string{"/items/" + secret, "/items?after=" + secret, "/items?kind=" + secret, "/journal?before=" + secret, "/" + secret} {
		require.NotContains(t, string(p.call("GET", path, nil).Body), secret, path)
	}
	require.NotContains(t, string(p.call("POST", "/appointments", map[string]any{
		"name": "n", "appointment": map[string]any{"start": secret, "zone": secret},
	}).Body), secret)
	require.NotContains(t, string(p.upload("%"+secret, []byte("x"), "Content-Type", secret).Body), secret)
}

func TestBodiesThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	post := func(body string, headers ...string) *reply {
		return p.send("POST", "/notes", strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	post("").refused(400, "request")
	post("{").refused(400, "request")
	post(`{"name":"n","note":{"text":"x"}} {}`).refused(400, "request")
	post("{\"name\":\"n\xff\",\"note\":{\"text\":\"x\"}}").refused(400, "request")
	post(`{"name":"n","name":"m","note":{"text":"x"}}`).refused(400, "request")
	post(`{"name":"n","NAME":"m","note":{"text":"x"}}`).refused(400, "request")
	post(`{"name":"n","note":{"text":"x","te\u0078t":"y"}}`).refused(400, "request")
	post(`{"name":"n","note":{"text":"x"}}`, "Content-Type", "text/plain").refused(415, "media-type")
	post(`name=n`, "Content-Type", "application/x-www-form-urlencoded").refused(415, "media-type")
	post(strings.Repeat("[", maxJSON/2)).refused(400, "request")
	for body, field := range map[string]string{
		`[]`: "body", `null`: "body", `7`: "body",
		`{"note":{"text":"x"}}`:                                 "body.name",
		`{"name":"n","note":{"text":"x"},"nmae":"m"}`:           "body.nmae",
		`{"name":7,"note":{"text":"x"}}`:                        "body.name",
		`{"name":null,"note":{"text":"x"}}`:                     "body.name",
		`{"name":"","note":{"text":"x"}}`:                       "body.name",
		`{"name":"n","note":{"text":"x"},"compartment":"none"}`: "body.compartment",
		`{"name":"n","note":"x"}`:                               "body.note",
		`{"name":"n","note":{"text":"x","more":1}}`:             "body.note.more",
	} {
		got := post(body).refused(422, "invalid")
		require.NotEmpty(t, got.Fields, body)
		require.Equal(t, field, got.Fields[0].Field, body)
	}
	post(`{"name":"n","note":{"text":"x"}}`, headerIdempotency, "k k").refused(400, "idempotency-key")
	require.Equal(t, []FieldProblem{{"body.name", "is missing"}, {"body.note", "is missing"}}, post(`{}`).refused(422, "invalid").Fields)
	require.Empty(t, ok[listed](p.call("GET", "/items?kind=note", nil), 200).Items)
}

func TestAddressesAndMethodsThatAreNotOfferedAreProblemsToo(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	p.call("GET", "/nothing", nil).refused(404, "no-page")
	p.call("GET", "/items/x/y", nil).refused(404, "no-page")
	p.call("POST", "/vaults", map[string]any{}).refused(404, "no-page")
	wrong := p.call("PUT", "/items", map[string]any{})
	wrong.refused(405, "method")
	require.Contains(t, wrong.Header.Get("Allow"), "GET")
	p.call("OPTIONS", "/items", nil).refused(405, "method")
}

func TestEveryErrorOfTheLibraryHasItsAnswer(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		vault.ErrSignIn: "401 sign-in", vault.ErrSessionEnded: "401 session-ended", vault.ErrNotFound: "404 not-found",
		vault.ErrRevision: "412 revision", vault.ErrInvalid: "422 invalid", vault.ErrFull: "507 full", vault.ErrBusy: "503 busy",
		vault.ErrTooMany: "409 too-many", vault.ErrTooManyLocked: "409 too-many-locked", vault.ErrNotEmpty: "409 not-empty", vault.ErrBusyMoving: "409 busy-moving",
		vault.ErrClosing: "409 closing", quota.ErrPending: "409 pending", vault.ErrUploadExpired: "408 upload-expired",
		vault.ErrTampered: "500 tampered", vault.ErrStale: "500 stale", vault.ErrPolicy: "500 policy",
		vault.ErrUntrustedKey: "500 untrusted-key", vault.ErrWitnessAway: "503 witness-away", vault.ErrKeyService: "503 key-service",
		vault.ErrStorage: "503 storage", vault.ErrUnknown: "503 unknown", vault.ErrClosed: "503 storage",
		&vault.BackOffError{Wait: 90 * time.Second}: "429 back-off", errors.New("anything else"): "500 internal",
	} {
		p := problemOf(fmt.Errorf("wrapped: %w", err))
		require.Equal(t, want, fmt.Sprintf("%d %s", p.Status, p.kind.code))
		if p.Status == 429 || p.Status == 503 {
			require.NotEmpty(t, p.GetHeaders().Get("Retry-After"), want)
		}
	}
	require.Equal(t, "90", problemOf(&vault.BackOffError{Wait: 90 * time.Second}).GetHeaders().Get("Retry-After"))
}

func TestProblemNamesEveryWrongFieldAndWhatIsLeft(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("x: %w", errors.Join(&vault.InvalidError{Field: "name", Problem: "is empty"}, &vault.InvalidError{Field: "zone", Problem: "is missing"}))
	require.Equal(t, []FieldProblem{{"name", "is empty"}, {"zone", "is missing"}}, problemOf(err).Fields)

	recorder := httptest.NewRecorder()
	writeProblem(recorder, httptest.NewRequest("GET", "/", nil), &quota.FullError{Limit: 100, Used: 80, Left: 20, Wanted: 30})
	var p Problem
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &p))
	require.EqualValues(t, 20, *p.Left)
	require.EqualValues(t, 30, *p.Wanted)
	require.Equal(t, 507, recorder.Code)
}

func TestOperatorLearnsOfFailuresWithoutNamesOrIDs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := newServer(t, serverOptions{log: &log})
	p := s.newPerson(t)
	small := ok[Item](p.upload("Carte-de-Paul", paper(1, 100)), 201)
	large := ok[Item](p.upload("Bail-de-Paul", paper(1, 900_000)), 201)
	p.call("GET", "/items/x", nil).refused(404, "not-found")
	p.upload("", nil).refused(422, "invalid")
	s.stranger(t).call("GET", "/items", nil).refused(401, "session-ended")
	require.Empty(t, log.String(), "what callers do wrong is between them and us")

	s.alterEndOfBlob(t, p, small.ID)
	s.alterEndOfBlob(t, p, large.ID)
	p.call("GET", "/documents/"+small.ID+"/content", nil).refused(500, "tampered")
	response, err := s.Client().Do(p.request("GET", "/documents/"+large.ID+"/content", nil))
	require.NoError(t, err)
	_, err = io.ReadAll(response.Body)
	require.Error(t, err)
	require.NoError(t, response.Body.Close())
	s.alterItem(t, p, small.ID)
	p.call("GET", "/items/"+small.ID, nil).refused(500, "tampered")

	require.Equal(t, 3, strings.Count(log.String(), "an operation failed"), log.String())
	require.Equal(t, 3, strings.Count(log.String(), "problem=tampered"))
	for _, secret := range []string{small.ID, large.ID, p.vault.ID().String(), p.token, p.login, "Paul"} {
		require.NotContains(t, log.String(), secret)
	}
}
