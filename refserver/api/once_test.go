package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const aNote = `{"name":"À demander","note":{"text":"Le récépissé"}}`

// again sends the same request with the same key.
func (p *person) note(body, key string) *reply {
	return p.send("POST", "/notes", strings.NewReader(body), "Content-Type", "application/json", headerIdempotency, key)
}

func TestARequestThatIsSentTwiceIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	first := p.note(aNote, "one")
	item := ok[Item](first, 201)
	for range 2 {
		again := p.note(aNote, "one")
		require.Equal(t, item, ok[Item](again, 201))
		for _, name := range []string{"Location", "Etag", "Content-Type"} {
			require.Equal(t, first.Header.Get(name), again.Header.Get(name), name)
		}
	}
	require.Len(t, ok[listed](p.call("GET", "/items?kind=note", nil), 200).Items, 1)
	p.note(strings.Replace(aNote, "récépissé", "titre", 1), "one").refused(422, "repeated")
	p.send("POST", "/contacts", strings.NewReader(`{"name":"Nadia","contact":{}}`), "Content-Type", "application/json", headerIdempotency, "one").refused(422, "repeated")
	ok[Item](p.note(aNote, "two"), 201)
	require.Len(t, ok[listed](p.call("GET", "/items?kind=note", nil), 200).Items, 2)
	other := p.as(ok[signedIn](p.signIn(goodPassword, "another phone"), 201).Token)
	ok[Item](other.note(aNote, "one"), 201)
	require.Len(t, ok[listed](p.call("GET", "/items?kind=note", nil), 200).Items, 3, "another session has keys of its own")
}

func TestADocumentThatIsSentTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := bytes.Repeat([]byte("%PDF-1.7 "), 100_000)
	item := ok[Item](p.upload("Titre", content, headerIdempotency, "one"), 201)
	require.Equal(t, item, ok[Item](p.upload("Titre", content, headerIdempotency, "one"), 201))
	p.upload("Autre", content, headerIdempotency, "one").refused(422, "repeated")
	p.upload("Titre", content[:9], headerIdempotency, "one").refused(422, "repeated")
	require.Len(t, ok[listed](p.call("GET", "/items?kind=document", nil), 200).Items, 1)
}

func TestARequestThatWasRefusedCanBeMendedUnderItsKey(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	p.note(`{"name":"","note":{"text":"x"}}`, "k").refused(422, "invalid")
	p.note(`{`, "k").refused(400, "request")
	p.note(strings.Repeat(" ", maxJSON+9), "k").refused(413, "too-large")
	ok[Item](p.note(aNote, "k"), 201)
	for _, key := range []string{" ", "a b", "é", strings.Repeat("x", 256), "\t"} {
		got := p.send("POST", "/notes", strings.NewReader(aNote), "Content-Type", "application/json", headerIdempotency, key)
		if strings.TrimSpace(key) != "" { // an empty one is none
			got.refused(400, "idempotency-key")
		}
	}
	p.s.stranger(t).send("POST", "/sessions", strings.NewReader(`{}`), "Content-Type", "application/json", headerIdempotency, "k").refused(422, "invalid")
}

// A phone sends its request again while the first one is at work: one of them does it.
func TestTheSameRequestSentManyTimesAtOnceIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	made := map[string]bool{}
	for _, r := range p.together(8, func(int) *http.Request {
		return p.request("POST", "/notes", io.NopCloser(strings.NewReader(aNote)), "Content-Type", "application/json", headerIdempotency, "k")
	}) {
		if r.Status == http.StatusCreated {
			made[ok[Item](r, 201).ID] = true
			continue
		}
		r.refused(503, "unknown")
	}
	require.Len(t, made, 1, fmt.Sprint(made))
	require.Len(t, ok[listed](p.call("GET", "/items?kind=note", nil), 200).Items, 1)
}

// A phone that lost the network asks while its request is at work, as often as it likes:
// the operator hears of what this side did wrong, and not of that.
func TestWhoAsksAgainTooEarlyCallsNoOperator(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := newServer(t, serverOptions{log: &log})
	p := s.newPerson(t)
	begun := digestOf(p.request("POST", "/notes", nil, "Content-Type", "application/json"), []byte(aNote))
	_, answered, err := s.vaults.Once(t.Context(), p.token, "k", begun) // it is at work
	require.NoError(t, err)
	require.False(t, answered)
	for range 3 {
		p.note(aNote, "k").refused(503, "unknown")
	}
	require.Empty(t, log.String())
}
