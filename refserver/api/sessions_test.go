package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

type signedIn struct{ Token, ID string }

func (p *person) signIn(password, device string) *reply {
	p.t.Helper()
	return p.s.stranger(p.t).call("POST", "/sessions", map[string]any{"login": p.login, "password": password, "device": device})
}

func (p *person) as(token string) *person {
	other := *p
	other.token = token
	return &other
}

func TestPersonSignsInSeesTheirSessionsAndSignsOut(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	signed := p.signIn(goodPassword, "borne du relais")
	in := ok[signedIn](signed, 201)
	require.Empty(t, signed.Header.Get("Set-Cookie"))
	require.Equal(t, p.vault.ID().String(), in.ID)
	kiosk := p.as(in.Token)

	list := ok[struct{ Sessions []Session }](kiosk.call("GET", "/sessions", nil), 200).Sessions
	require.Len(t, list, 2)
	require.True(t, list[0].Current)
	require.Equal(t, "borne du relais", list[0].Device)
	require.Equal(t, "téléphone", list[1].Device)

	kiosk.call("DELETE", "/sessions/current", nil).done(204)
	kiosk.call("GET", "/overview", nil).refused(401, "session-ended")
	ok[struct{}](p.call("GET", "/overview", nil), 200)
}

func TestSessionOfALostPhoneIsEndedFromAnotherDevice(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	phone := p.as(ok[signedIn](p.signIn(goodPassword, "perdu"), 201).Token)
	third := p.as(ok[signedIn](p.signIn(goodPassword, "autre"), 201).Token)
	var lost string
	for _, s := range ok[struct{ Sessions []Session }](p.call("GET", "/sessions", nil), 200).Sessions {
		if s.Device == "perdu" {
			lost = s.ID
		}
	}
	p.call("DELETE", "/sessions/"+strings.Repeat("a", 26), nil).refused(404, "not-found")
	p.call("DELETE", "/sessions/nonsense", nil).refused(404, "not-found")
	p.call("DELETE", "/sessions/"+lost, nil).done(204)
	phone.call("GET", "/items", nil).refused(401, "session-ended")
	third.call("GET", "/items", nil).refused(401, "session-ended")
	ok[listed](p.call("GET", "/items", nil), 200)
}

func TestAllOtherSessionsAreEndedAtOnce(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	other := p.as(ok[signedIn](p.signIn(goodPassword, ""), 201).Token)
	p.call("DELETE", "/sessions", nil).done(204)
	other.call("GET", "/items", nil).refused(401, "session-ended")
	ok[listed](p.call("GET", "/items", nil), 200)
}

func TestNoAnswerTellsWhetherAnAccountExists(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	wrong := p.signIn("pas-le-bon-secret", "")
	wrong.refused(401, "sign-in")
	require.Equal(t, "Bearer", wrong.Header.Get("WWW-Authenticate"))
	stranger := *p
	stranger.login = nobody(t, p.login)
	unknown := stranger.signIn(goodPassword, "")
	unknown.refused(401, "sign-in")
	require.Equal(t, wrong.Body, unknown.Body)
	for name := range wrong.Header {
		if name != "Date" {
			require.Equal(t, wrong.Header[name], unknown.Header[name], name)
		}
	}
}

// nobody returns a login in the right form that belongs to nobody: with the
// check digit of another number, or the next one that is well formed.
func nobody(t *testing.T, login string) string {
	t.Helper()
	for i := len(login) - 2; i >= 0; i-- {
		for digit := '0'; digit <= '9'; digit++ {
			for last := '0'; last <= '9'; last++ {
				other := login[:i] + string(digit) + login[i+1:len(login)-1] + string(last)
				if _, err := vault.NormalLogin(other); err == nil && other != login {
					return other
				}
			}
		}
	}
	t.Fatal("no other login is well formed")
	return ""
}

func TestCallsWithoutASessionAreRefusedAlike(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	for _, headers := range [][]string{
		{}, {"Authorization", "Bearer"}, {"Authorization", "Bearer x"}, {"Authorization", "Basic " + p.token},
		{"Authorization", "Bearer " + p.token[:len(p.token)-2] + "AA"}, {"Cookie", session.CookieName + "=x"},
		{"Cookie", "reconnect=" + p.token},
	} {
		refused := s.stranger(t).call("GET", "/items", nil, headers...)
		refused.refused(401, "session-ended")
		require.Equal(t, "Bearer", refused.Header.Get("WWW-Authenticate"))
		s.stranger(t).send("POST", "/documents", strings.NewReader("x"), headers...).refused(401, "session-ended")
		s.stranger(t).call("GET", "/export", nil, headers...).refused(401, "session-ended")
	}
	// The token is not read before the session: a stranger makes nobody parse.
	s.stranger(t).send("POST", "/notes", strings.NewReader("{"), "Content-Type", "application/json").refused(401, "session-ended")
}

func TestCookieWorksFromTheSameOriginOnly(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	browser := s.stranger(t)
	cookie := session.CookieName + "=" + p.token
	note := map[string]any{"name": "n", "note": map[string]any{"text": ""}}
	for _, site := range []string{"same-origin", "none"} {
		ok[listed](browser.call("GET", "/items", nil, "Cookie", cookie, "Sec-Fetch-Site", site), 200)
		ok[Item](browser.call("POST", "/notes", note, "Cookie", cookie, "Sec-Fetch-Site", site), 201)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		browser.call("POST", "/notes", note, "Cookie", cookie, "Sec-Fetch-Site", site).refused(403, "cross-origin")
		browser.call("GET", "/items", nil, "Cookie", cookie, "Sec-Fetch-Site", site).refused(403, "cross-origin")
		browser.call("GET", "/export", nil, "Cookie", cookie, "Sec-Fetch-Site", site).refused(403, "cross-origin")
		p.call("POST", "/notes", note, "Sec-Fetch-Site", site).refused(403, "cross-origin")
	}
	browser.call("POST", "/notes", note, "Cookie", cookie, "Origin", "https://elsewhere.example").refused(403, "cross-origin")
}

func TestSignInsOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverOptions{limits: session.LimitsConfig{SignInsPerMinute: 4}})
	body := map[string]any{"login": "000000000000", "password": "x"}
	for range 2 {
		require.NotEqual(t, http.StatusTooManyRequests, s.stranger(t).call("POST", "/sessions", body).Status)
	}
	refused := s.stranger(t).call("POST", "/sessions", body)
	refused.refused(429, "back-off")
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
}

func TestRequestsOfOneAccountAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverOptions{limits: session.LimitsConfig{RequestsPerSecond: 1}})
	p, other := s.newPerson(t), s.newPerson(t)
	limited := 0
	for range 40 {
		if got := p.call("GET", "/sessions", nil); got.Status == http.StatusTooManyRequests {
			got.refused(429, "back-off")
			require.NotEmpty(t, got.Header.Get("Retry-After"))
			limited++
		}
	}
	require.Positive(t, limited)
	require.Equal(t, 200, other.call("GET", "/sessions", nil).Status, "one account does not slow another")
}
