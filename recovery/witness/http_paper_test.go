package witness_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

var (
	longHash   = regexp.MustCompile(`"([0-9a-f]{8})[0-9a-f]{56}"`)
	longBase64 = regexp.MustCompile(`"([A-Za-z0-9+/]{12})[A-Za-z0-9+/]{48,}={0,2}"`)
	output     = regexp.MustCompile(`"output":"[A-Za-z0-9+/]{43}="`) // random, as its key is
	exchanges  = regexp.MustCompile("(?s)```\n((?:POST|GET) /v1/([a-z-]+)\n.*?\n)```\n")
)

// shortened is a message as the paper shows it: what is long ends with dots.
func shortened(message []byte) string {
	message = output.ReplaceAll(message, []byte(`"output":"…"`))
	return string(longBase64.ReplaceAll(longHash.ReplaceAll(message, []byte(`"$1…"`)), []byte(`"$1…"`)))
}

// docs/witness.md shows what is really said.
func TestThePaperShowsWhatIsSaid(t *testing.T) {
	t.Parallel()
	paper, err := os.ReadFile("../../docs/witness.md")
	require.NoError(t, err)

	w, err := witness.New(witness.Config{
		Store: storage.New(memstore.New()), Now: (&testClock{now: noon}).Now, FlushEvery: time.Second, Seed: witnessSeed, Operator: operatorKey.Public(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	server := newServer(t, served(t, "service", w))
	h := server.HTTP()
	said := make(chan string, 100)
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(request))
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		text := fmt.Sprintf("%s %s\n", r.Method, r.URL.Path)
		if len(request) > 0 {
			text += shortened(request) + "\n"
		}
		said <- text + fmt.Sprintf("%d\n%s\n", answer.Code, shortened(answer.Body.Bytes()))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	url, _ := serving(t, h)
	speak(t, newClient(t, "service", url))
	close(said)
	var all []string
	for exchange := range said {
		all = append(all, exchange)
	}
	shown := map[string]bool{}
	for _, exchange := range exchanges.FindAllStringSubmatch(string(paper), -1) {
		require.Contains(t, all, exchange[1])
		shown[exchange[2]] = true
	}
	require.Len(t, shown, 19, "every call, and the one for health")
}

// speak makes the calls that the paper shows.
func speak(t *testing.T, c *witness.Client) {
	t.Helper()
	p := theSamePerson(t)
	pin := [32]byte{'i'}
	first, side := p.sideOf(1, "first", nil)
	require.NoError(t, c.Health(t.Context()))
	require.NoError(t, c.Keep(t.Context(), p.vault, first.record, side[:5]))
	_, err := c.Raise(t.Context(), p.vault, first.heads(at("shared", 41, 's')), first.record, true)
	require.NoError(t, err)
	_, err = c.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 41, 'x')}, nil, false)
	require.NoError(t, err)
	_, err = c.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	_, err = c.Forks(t.Context(), p.vault)
	require.NoError(t, err)
	for range 6 {
		_, err = c.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
	}
	require.NoError(t, c.Reset(t.Context(), p.vault, password, p.reset(password, 5)))
	for range 6 {
		_, err = c.Evaluate(t.Context(), p.vault, card, pin, 0)
		require.NoError(t, err)
	}
	_, err = c.Tried(t.Context(), p.vault, card)
	require.NoError(t, err)
	_, _, err = c.OwnerSide(t.Context(), p.vault)
	require.NoError(t, err)
	_, err = c.Inbox(t.Context())
	require.NoError(t, err)
	_, err = c.Restored(t.Context(), p.vault)
	require.NoError(t, err)
	_, err = c.Restore(t.Context(), p.vault, p.restored(1, at("shared", 30, 't')))
	require.NoError(t, err)
	_, err = c.Vaults(t.Context(), [16]byte{}, 100)
	require.NoError(t, err)
	s, n := &subject{api: c}, &town{person: newPerson(t), relay: newOffice(t, 1), desk: newOffice(t, 2)}
	n.vault, n.relay.vault, n.desk.vault = [16]byte{'v'}, [16]byte{'l'}, [16]byte{'d'}
	n.found(t, s)
	n.begin(t, s, helpers, n.nadia)
	for _, next := range []*colleague{n.omar, n.clara, n.denis} {
		_, err = c.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
		require.NoError(t, err)
	}
	_, err = c.EvaluateWithin(t.Context(), n.vault, asked, week, typed, 0)
	require.NoError(t, err)
	require.NoError(t, c.Cancel(t.Context(), n.vault, asked))
	_, err = c.Requests(t.Context(), n.vault)
	require.NoError(t, err)
	_, _, err = c.OwnerSide(t.Context(), [16]byte{1})
	require.ErrorIs(t, err, witness.ErrUnregistered)
}
