package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/oauth"
)

// Whatever is sent as an assertion is refused, and only what the partner's key signed opens
// an office, once.
func FuzzAssertion(f *testing.F) {
	s := newScene(f)
	good := s.signed(s.keys, s.claims("fuzzed"))
	head, rest, _ := strings.Cut(good, ".")
	claims, _, _ := strings.Cut(rest, ".")
	for _, seed := range []string{good, "", ".", "..", head + "." + claims + ".", "eyJhbGciOiJub25lIn0." + claims + ".", strings.Repeat("a.", 1000), head + "." + head + "." + claims, `{"payload":"","signatures":[]}`, "\x00"} {
		f.Add(seed)
	}
	tokens := 0
	f.Fuzz(func(t *testing.T, assertion string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, oauth.Path, strings.NewReader(form(assertion).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.endpoint.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			tokens++
		}
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests}, w.Code, "%s", w.Body)
		require.LessOrEqual(t, tokens, 1, "one signed word opens one office")
	})
}
