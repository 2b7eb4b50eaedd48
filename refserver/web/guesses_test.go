package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
)

// street is a server behind a proxy, with the limits of every day.
func street(t *testing.T) *centre {
	t.Helper()
	c := open(t, nil)
	pages, err := web.New(web.Config{
		Vaults: c.data.Vaults, Limits: session.NewLimits(session.LimitsConfig{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	})
	require.NoError(t, err)
	c.server = httptest.NewTLSServer(pages)
	t.Cleanup(c.server.Close)
	return c
}

// tries signs in from an address.
func (c *centre) tries(login, secret, address string) *page {
	c.t.Helper()
	p := c.stranger()
	r, err := http.NewRequest(http.MethodPost, c.server.URL+"/sign-in", strings.NewReader(url.Values{"login": {login}, "password": {secret}}.Encode()))
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", c.server.URL)
	r.Header.Set("X-Forwarded-For", address)
	return p.do(r)
}

// Whoever guesses from many addresses is held all the same: tries are counted for the
// account. Who shares an address with a guesser comes in.
func TestOneAccountIsHeldHoweverManyAddressesGuess(t *testing.T) {
	t.Parallel()
	c := street(t)
	guessed, other := c.newLogin(), c.newLogin()
	from := func(n int) string { return fmt.Sprintf("198.51.100.%d", n) }
	for n := range 5 {
		c.tries(guessed, "a guess or two", from(n)).is(http.StatusUnauthorized)
	}
	for n := range 5 {
		for _, secret := range []string{"a guess or two", password} {
			held := c.tries(guessed, secret, from(100+n)).is(http.StatusTooManyRequests)
			require.NotEmpty(t, held.Header.Get("Retry-After"))
		}
	}
	c.tries(other, password, from(0)).ok("Mon espace")
}

// A whole shelter shares one address. Each of many mistypes and then comes in; that
// somebody there guesses at one of them holds that one alone.
func TestAShelterComesInFromOneAddressWhileOneOfThemIsGuessedAt(t *testing.T) {
	t.Parallel()
	c := street(t)
	const shelter = "203.0.113.9"
	guessed := c.newLogin()
	for range 5 {
		c.tries(guessed, "a guess or two", shelter).is(http.StatusUnauthorized)
	}
	c.tries(guessed, password, shelter).is(http.StatusTooManyRequests)
	for range 12 { // with the six before, as many as one address has at once
		login := c.newLogin()
		c.tries(login, "mistyped it", shelter).is(http.StatusUnauthorized)
		c.tries(login, password, shelter).ok("Mon espace")
	}
}
