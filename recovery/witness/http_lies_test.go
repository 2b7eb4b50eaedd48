package witness_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage/memstore"
)

// speaking is a client of a server that has the right key and says whatever
// handler says.
func speaking(t testingT, handler http.HandlerFunc) *witness.Client {
	w, err := witness.New(witness.Config{Store: newStore()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	h := newServer(t, served(t, "service", w)).HTTP()
	h.Handler = handler
	url, _ := serving(t, h)
	return newClient(t, "service", url)
}

// says answers every request with one text.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// lie is an answer to a call that must not be taken for one.
type lie struct {
	call   string
	answer string
}

// lies are answers to calls about the vault 01000…, and its counter "p".
func lies() map[string]lie {
	vault, other := strings.Repeat("01", 16), strings.Repeat("02", 16)
	counter, zeros := hex.EncodeToString(password[:]), strings.Repeat("0", 64)
	head := func(name string) string {
		return fmt.Sprintf(`{"head":"%s","restore":0,"version":1,"hash":"%s"}`, name, zeros)
	}
	heads := func(list ...string) string {
		return `{"vault":"` + vault + `","heads":[` + strings.Join(list, ",") + `]}`
	}
	count := func(rest string) string { return `{"vault":"` + vault + `","counter":"` + counter + `",` + rest + `}` }
	tried := func(rest string) string { return count(rest) }
	output := base64.StdEncoding.EncodeToString(make([]byte, 32))
	evaluated := func(rest string) string { return count(`"total":1,"failed":1,` + rest) }
	good := `"wait":0,"spent":false,"generation":7,"output":"` + output + `"`
	return map[string]lie{
		"an output for another counter":  {"evaluate", strings.Replace(evaluated(good), counter, zeros, 1)},
		"an output for another vault":    {"evaluate", strings.Replace(evaluated(good), vault, other, 1)},
		"an output of another key":       {"evaluate", evaluated(strings.Replace(good, "7", "8", 1))},
		"an output without a key":        {"evaluate", evaluated(strings.Replace(good, "7", "0", 1))},
		"no output":                      {"evaluate", evaluated(`"wait":0,"spent":false,"generation":7,"output":null`)},
		"half an output":                 {"evaluate", evaluated(`"wait":0,"spent":false,"generation":7,"output":"AAAA"`)},
		"an output for a refused try":    {"evaluate", count(`"total":9,"failed":9,` + strings.Replace(good, `"wait":0`, `"wait":1000`, 1))},
		"an output of what is spent":     {"evaluate", count(`"total":20,"failed":20,` + strings.Replace(good, "false", "true", 1))},
		"an output that was not counted": {"evaluate", count(`"total":0,"failed":0,` + good)},
		"spent before twenty tries":      {"evaluate", count(`"total":19,"failed":19,"wait":0,"spent":true,"generation":0,"output":null`)},
		"spent, but wait":                {"evaluate", count(`"total":20,"failed":20,"wait":1,"spent":true,"generation":0,"output":null`)},
		"a wait of a day":                {"evaluate", count(`"total":9,"failed":9,"wait":86400000,"spent":false,"generation":0,"output":null`)},
		"a card dead too early":          {"tried", tried(`"total":5,"failed":5,"wait":0,"spent":true`)},
		"the state of another counter":   {"tried", strings.Replace(tried(`"total":5,"failed":5,"wait":0,"spent":false`), counter, zeros, 1)},
		"a wait back in time, too":       {"tried", tried(`"total":9,"failed":9,"wait":-1,"spent":false`)},
		"more failed than tried":         {"tried", tried(`"total":1,"failed":2,"wait":0,"spent":false`)},
		"nothing":                        {"latest", ""},
		"garbage":                        {"latest", "\x00\xff<html>"},
		"another type":                   {"latest", `[]`},
		"null":                           {"latest", `null`},
		"an empty object":                {"latest", `{}`},
		"checkpoints of another vault":   {"latest", strings.Replace(heads(), vault, other, 1)},
		"a report of another vault":      {"raise", strings.Replace(heads(), vault, other, 1)},
		"an unknown head":                {"latest", heads(head("relay"))},
		"a head twice":                   {"latest", heads(head("shared"), head("shared"))},
		"heads in another order":         {"latest", heads(head("shared"), head("owner"))},
		"a member more":                  {"latest", strings.TrimSuffix(heads(), "}") + `,"more":1}`},
		"a member twice":                 {"latest", strings.TrimSuffix(heads(), "}") + `,"heads":[]}`},
		"a member in capitals":           {"latest", strings.Replace(heads(), "heads", "Heads", 1)},
		"spaces":                         {"latest", strings.Replace(heads(), ",", ", ", 1)},
		"something after the end":        {"latest", heads() + "{}"},
		"a short hash":                   {"latest", heads(strings.Replace(head("shared"), "00", "", 1))},
		"a hash in capitals":             {"latest", heads(strings.Replace(head("shared"), "00", "AA", 1))},
		"a negative version":             {"latest", heads(strings.Replace(head("shared"), `"version":1`, `"version":-1`, 1))},
		"a version with a fraction":      {"latest", heads(strings.Replace(head("shared"), `"version":1`, `"version":1.5`, 1))},
		"an owner side of another":       {"owner-side", `{"vault":"` + other + `","owner":"AA==","side":null}`},
		"an owner in bad base64":         {"owner-side", `{"vault":"` + vault + `","owner":"A","side":null}`},
		"base64 with spare bits":         {"owner-side", `{"vault":"` + vault + `","owner":"AB==","side":null}`},
		"a statement of another":         {"restored", `{"vault":"` + other + `","complete":null}`},
		"a restore of another":           {"restore", `{"vault":"` + other + `","complete":null}`},
		"forks of another":               {"forks", `{"vault":"` + other + `","forks":[]}`},
		"a reset of another":             {"reset", `{"vault":"` + other + `"}`},
		"a keep of another":              {"keep", `{"vault":"` + other + `"}`},
		"vaults after another":           {"vaults", `{"after":"` + vault + `","vaults":[]}`},
		"vaults that go round":           {"vaults", `{"after":"` + strings.Repeat("0", 32) + `","vaults":["` + other + `","` + vault + `"]}`},
		"more vaults than asked for":     {"vaults", `{"after":"` + strings.Repeat("0", 32) + `","vaults":["` + vault + `","` + other + `"]}`},
		"a try at another counter":       {"count", strings.Replace(count(`"total":1,"failed":1,"wait":0`), counter, zeros, 1)},
		"a try at another vault":         {"count", strings.Replace(count(`"total":1,"failed":1,"wait":0`), vault, other, 1)},
		"a try without a wait":           {"count", count(`"total":1,"failed":1`)},
		"a try that was never counted":   {"count", count(`"total":0,"failed":0,"wait":0`)},
		"more failed than counted":       {"count", count(`"total":1,"failed":2,"wait":0`)},
		"a wait of a year":               {"count", count(`"total":9,"failed":9,"wait":31536000000`)},
		"a wait that overflows":          {"count", count(`"total":9,"failed":9,"wait":9223372036854775807`)},
		"a wait back in time":            {"count", count(`"total":9,"failed":9,"wait":-1`)},
		"a wait before five tries":       {"count", count(`"total":4,"failed":4,"wait":1000`)},
	}
}

// told is a call about the vault 0101…
func told(ctx context.Context, w api, call string) error {
	vault := [16]byte([]byte(strings.Repeat("\x01", 16)))
	switch call {
	case "latest":
		_, err := w.Latest(ctx, vault)
		return err
	case "raise":
		_, err := w.Raise(ctx, vault, nil, nil, false)
		return err
	case "keep":
		return w.Keep(ctx, vault, nil, nil)
	case "owner-side":
		_, _, err := w.OwnerSide(ctx, vault)
		return err
	case "restore":
		_, err := w.Restore(ctx, vault, nil)
		return err
	case "restored":
		_, err := w.Restored(ctx, vault)
		return err
	case "vaults":
		_, err := w.Vaults(ctx, [16]byte{}, 1)
		return err
	case "forks":
		_, err := w.Forks(ctx, vault)
		return err
	case "count":
		_, err := w.Count(ctx, vault, password)
		return err
	case "evaluate":
		_, err := w.Evaluate(ctx, vault, password, pin, 7)
		return err
	case "tried":
		_, err := w.Tried(ctx, vault, password)
		return err
	default:
		return w.Reset(ctx, vault, password, nil)
	}
}

func TestWhatIsNoAnswerIsAWitnessThatIsAway(t *testing.T) {
	t.Parallel()
	for name, l := range lies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := told(t.Context(), speaking(t, says(http.StatusOK, l.answer)), l.call)
			require.ErrorIs(t, err, witness.ErrUnavailable)
			require.NotContains(t, err.Error(), "html", "what a stranger sends goes into no log")
		})
	}
	// The same with nothing wrong is an answer, or the rest proves nothing.
	require.NoError(t, told(t.Context(), speaking(t, says(http.StatusOK, `{"vault":"01010101010101010101010101010101","heads":[]}`)), "latest"))
}

func TestAnotherStatusOrTypeIsAWitnessThatIsAway(t *testing.T) {
	t.Parallel()
	answer := `{"vault":"01010101010101010101010101010101","heads":[]}`
	for name, handler := range map[string]http.HandlerFunc{
		"a status of success that is another": says(http.StatusAccepted, answer),
		"a refusal without a code":            says(http.StatusGone, `{}`),
		"a refusal with an unknown code":      says(http.StatusGone, `{"code":"gone fishing"}`),
		"a refusal in plain text":             says(http.StatusGone, `erased`),
		"a refusal that never ends": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusGone)
			pour(w)
		},
		"another type of content": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, answer)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				says(http.StatusOK, answer)(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"an endless header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X", strings.Repeat("x", 64<<10))
			_, _ = io.WriteString(w, answer)
		},
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte{0x1f, 0x8b})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, told(t.Context(), speaking(t, handler), "latest"), witness.ErrUnavailable)
		})
	}
}

// pour writes until nobody listens any more.
func pour(w io.Writer) {
	for chunk := []byte(strings.Repeat(" ", 64<<10)); ; {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestAnAnswerIsNotReadWithoutEnd(t *testing.T) {
	t.Parallel()
	client := speaking(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		pour(w)
	})
	for _, call := range []string{"latest", "raise", "keep", "owner-side", "restore", "restored", "vaults", "forks", "count", "evaluate", "tried", "reset"} {
		err := told(t.Context(), client, call)
		require.ErrorIs(t, err, witness.ErrUnavailable)
		require.ErrorContains(t, err, "too large", call)
	}
}

func TestACutAnswerIsAWitnessThatIsAway(t *testing.T) {
	t.Parallel()
	whole := `{"vault":"01010101010101010101010101010101","heads":[]}`
	for _, at := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		client := speaking(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			_, _ = io.WriteString(w, whole[:at])
			panic(http.ErrAbortHandler)
		})
		require.ErrorIs(t, told(t.Context(), client, "latest"), witness.ErrUnavailable)
	}
}

func TestASlowWitnessIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, handler := range map[string]http.HandlerFunc{
		"a slow header": func(http.ResponseWriter, *http.Request) { <-release },
		"a slow body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"vault":`)
			w.(http.Flusher).Flush()
			<-release
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := speaking(t, handler)
			for _, call := range []string{"latest", "count"} {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				err := told(ctx, client, call)
				require.ErrorIs(t, err, witness.ErrUnavailable)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		})
	}
}

func TestEveryErrorComesBackAsWhatItWas(t *testing.T) {
	t.Parallel()
	for code, sentinel := range map[string]error{
		"invalid": witness.ErrInvalid, "forged": witness.ErrForged, "untrusted-key": witness.ErrUntrustedKey,
		"unregistered": witness.ErrUnregistered, "erased": witness.ErrErased, "restore": witness.ErrRestore,
		"statement": witness.ErrStatement, "generation": witness.ErrGeneration, "unavailable": witness.ErrUnavailable, "damaged": witness.ErrDamaged, "closed": witness.ErrClosed,
	} {
		client := speaking(t, says(http.StatusTeapot, `{"code":"`+code+`"}`))
		for _, call := range []string{"latest", "count", "reset", "vaults", "owner-side", "evaluate", "tried"} {
			require.ErrorIs(t, told(t.Context(), client, call), sentinel, code)
		}
	}
}

// What the server's own store says stays with whoever runs the server.
func TestADamagedStoreIsToldToItsOperatorOnly(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	w := start(t, driver, witness.Config{})
	p := newPerson(t)
	register(t, w, p)
	damage(t, driver, "vault/"+hex.EncodeToString(p.vault[:]))
	failures := make(chan string, 10)
	server, err := witness.NewServer(witness.ServerConfig{
		Identity: identity(t, "witness"), Clients: []witness.ServedClient{served(t, "service", w)},
		Failed: func(client, call string, err error) { failures <- client + " " + call + ": " + err.Error() },
	})
	require.NoError(t, err)
	url, _ := serving(t, server.HTTP())
	client := newClient(t, "service", url)

	_, err = client.Latest(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrDamaged)
	require.NotContains(t, err.Error(), "vault/")
	failure := <-failures
	require.Contains(t, failure, "service latest: ")
	require.Contains(t, failure, "vault/")

	_, _, err = client.OwnerSide(t.Context(), [16]byte{1})
	require.ErrorIs(t, err, witness.ErrUnregistered)
	require.Empty(t, failures, "what is the client's own fault is not reported")
}

func TestBase64OfTheProtocolIsTheStandardOne(t *testing.T) {
	t.Parallel()
	owner := []byte{0xfb, 0xff, 0xfe, 0x01}
	client := speaking(t, says(http.StatusOK, `{"vault":"01010101010101010101010101010101","owner":"`+base64.StdEncoding.EncodeToString(owner)+`","side":[{"key":"<&>","value":null}]}`))
	got, side, err := client.OwnerSide(t.Context(), [16]byte([]byte(strings.Repeat("\x01", 16))))
	require.NoError(t, err)
	require.Equal(t, owner, got)
	require.Equal(t, []witness.Kept{{Key: "<&>"}}, side)
}
