package moving_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/moving"
	"reconnect.example/vault"
)

// A person names the address, and so whoever can have a code scanned does.
func TestABundleGoesToNoMachineOfTheOwnNetwork(t *testing.T) {
	t.Parallel()
	asked := false
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(inside.Close)
	c := moving.New(nil)
	for _, where := range []string{"http://safe.example", "https://10.0.0.1", "https://169.254.169.254", "https://[fd00::1]", "https://me@safe.example", "https://safe.example/api", "https://safe.example?", "safe.example", inside.URL, "http://localhost"} {
		_, err := c.To(where)
		require.ErrorIs(t, err, moving.ErrAddress, where)
	}
	to, err := c.To(strings.Replace(inside.URL, "127.0.0.1", "localhost", 1)) // a name that leads inside
	require.NoError(t, err)
	_, err = to.TransferKeys(t.Context(), vault.TransferTicket{})
	require.ErrorIs(t, err, moving.ErrAddress)
	require.False(t, asked)
	private := moving.New(&moving.Options{Private: true})
	for _, where := range []string{"https://10.0.0.1", "http://localhost:8080", "http://127.0.0.1:8080", "https://safe.example/"} {
		_, err := private.To(where)
		require.NoError(t, err, where)
	}
	_, err = private.To("https://169.254.169.254") // where clouds answer for their metadata
	require.ErrorIs(t, err, moving.ErrAddress)
}

// Whatever answers there: nothing is followed, and nothing but a refusal of such a server
// is taken for one.
func TestWhatIsNoAnswerOfAServerIsAway(t *testing.T) {
	t.Parallel()
	answer := http.NotFound
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	t.Cleanup(s.Close)
	to, err := moving.New(&moving.Options{Private: true}).To(s.URL)
	require.NoError(t, err)
	refuses := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, kind)
		}
	}
	for what, one := range map[string]struct {
		does http.HandlerFunc
		want error
	}{
		"a page":     {http.NotFound, moving.ErrAway},
		"elsewhere":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) }, moving.ErrAway},
		"no problem": {refuses("{"), moving.ErrAway},
		"unknown":    {refuses(`{"type":"https://reconnect.example/problems/dancing"}`), moving.ErrAway},
		"not-found":  {refuses(`{"type":"https://reconnect.example/problems/not-found"}`), vault.ErrNotFound},
		"repeated":   {refuses(`{"type":"https://reconnect.example/problems/repeated"}`), moving.ErrOver},
		"full":       {refuses(`{"type":"https://reconnect.example/problems/full"}`), vault.ErrFull},
		"no JSON":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, moving.ErrAway},
	} {
		answer = func(w http.ResponseWriter, r *http.Request) {
			require.NotEqual(t, "/else", r.URL.Path)
			one.does(w, r)
		}
		_, err := to.TransferKeys(t.Context(), vault.TransferTicket{})
		require.ErrorIs(t, err, one.want, what)
		_, err = to.AppendTransfer(t.Context(), vault.TransferTicket{}, 0, strings.NewReader("x"))
		require.ErrorIs(t, err, one.want, what)
	}
	own := errors.New("the own disk")
	_, err = to.AppendTransfer(t.Context(), vault.TransferTicket{}, 0, io.MultiReader(strings.NewReader("x"), failing{own}))
	require.ErrorIs(t, err, own)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = to.TransferReceipt(ctx, vault.TransferTicket{})
	require.ErrorIs(t, err, context.Canceled)
	s.Close()
	_, err = to.TransferReceipt(t.Context(), vault.TransferTicket{})
	require.ErrorIs(t, err, moving.ErrAway)
	require.NotContains(t, err.Error(), s.URL)
	require.Less(t, moving.Sends, time.Minute)
}

type failing struct{ with error }

func (f failing) Read([]byte) (int, error) { return 0, f.with }

func TestATicketIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	k := vault.TransferTicket{Vault: vault.ID{1, 2}, Token: [32]byte{3, 4}}
	text := moving.TicketText(k)
	got, err := moving.ParseTicket("bearer " + text)
	require.NoError(t, err)
	require.Equal(t, k, got)
	for _, header := range []string{"", "Bearer ", text, "Basic " + text, "Bearer " + text[1:], "Bearer " + text + "A", "Bearer !" + text[1:]} {
		_, err := moving.ParseTicket(header)
		require.ErrorIs(t, err, vault.ErrNotFound, header)
	}
}
