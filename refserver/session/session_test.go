package session_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

func request(t *testing.T, from string, headers http.Header) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = from
	if headers != nil {
		r.Header = headers
	}
	return r
}

func TestTheTokenComesFromTheHeaderOrElseFromTheCookie(t *testing.T) {
	t.Parallel()
	cookie := session.CookieName + "=from-the-cookie"
	for _, c := range []struct {
		headers http.Header
		want    string
	}{
		{http.Header{}, ""},
		{http.Header{"Cookie": {cookie}}, "from-the-cookie"},
		{http.Header{"Authorization": {"Bearer from-the-header"}, "Cookie": {cookie}}, "from-the-header"},
		{http.Header{"Authorization": {"bearer  from-the-header "}}, "from-the-header"},
		{http.Header{"Authorization": {"Basic eDp5"}, "Cookie": {cookie}}, ""},
		{http.Header{"Cookie": {"reconnect=planted"}}, ""},
	} {
		require.Equal(t, c.want, session.Token(request(t, "192.0.2.1:1", c.headers)))
	}
}

func TestTheCookieIsClearedTheWayItWasSet(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	session.SetCookie(w, "token")
	session.ClearCookie(w)
	set, cleared := w.Result().Cookies()[0], w.Result().Cookies()[1]
	require.Equal(t, "token", set.Value)
	require.Negative(t, cleared.MaxAge)
	for _, c := range []*http.Cookie{set, cleared} {
		require.True(t, c.Secure && c.HttpOnly && c.SameSite == http.SameSiteStrictMode && c.Path == "/" && c.Domain == "")
	}
}

func TestAnAddressIsBelievedFromTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	limits := session.NewLimits(session.LimitsConfig{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	for _, c := range []struct{ from, forwarded, want string }{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.7", "192.0.2.1"},                          // not our proxy
		{"10.0.0.2:5", "198.51.100.7", "198.51.100.7"},                        // our proxy
		{"10.0.0.2:5", "203.0.113.9, 198.51.100.7", "198.51.100.7"},           // what the client made up stands left
		{"10.0.0.2:5", "203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"}, // two proxies
		{"10.0.0.2:5", "garbage", "10.0.0.2"},
		{"10.0.0.2:5", "", "10.0.0.2"},
		{"[::1]:5", "2001:db8::7", "2001:db8::7"},
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1"},
	} {
		headers := http.Header{}
		if c.forwarded != "" {
			headers.Set("X-Forwarded-For", c.forwarded)
		}
		require.Equal(t, c.want, limits.Address(request(t, c.from, headers)).String(), c)
	}
	require.False(t, limits.Address(request(t, "@", nil)).IsValid())
}

func TestOneAddressIsHeldAndOthersAreNot(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	limits := session.NewLimits(session.LimitsConfig{SignInsPerMinute: 6, Now: func() time.Time { return now }})
	mine := func() error { return limits.SignIn(request(t, "[2001:db8:1:2::3]:5", nil)) }
	for range 3 {
		require.NoError(t, mine())
	}
	err := mine()
	require.ErrorIs(t, err, vault.ErrBackOff)
	var wait *vault.BackOffError
	require.ErrorAs(t, err, &wait)
	require.InDelta(t, 10, wait.Wait.Seconds(), 0.1)
	require.Error(t, limits.SignIn(request(t, "[2001:db8:1:2:ffff::9]:5", nil)), "one subscriber has many IPv6 addresses")
	require.NoError(t, limits.SignIn(request(t, "[2001:db8:1:3::3]:5", nil)))
	require.NoError(t, limits.SignIn(request(t, "192.0.2.1:5", nil)))
	now = now.Add(10 * time.Second)
	require.NoError(t, mine(), "refused tries cost no further wait")
	require.Error(t, mine())
}

func TestOneAccountIsHeldAndOthersAreNot(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	limits := session.NewLimits(session.LimitsConfig{RequestsPerSecond: 2, Now: func() time.Time { return now }})
	for range 20 {
		require.NoError(t, limits.Request(vault.ID{1}))
	}
	require.ErrorIs(t, limits.Request(vault.ID{1}), vault.ErrBackOff)
	require.NoError(t, limits.Request(vault.ID{2}))
}

// A flood of addresses must not take memory without end, nor forget at once
// who is being held.
func TestAFloodOfAddressesIsForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	limits := session.NewLimits(session.LimitsConfig{SignInsPerMinute: 2, Now: func() time.Time { return now }})
	held := func() error { return limits.SignIn(request(t, "203.0.113.1:5", nil)) }
	flood := func(n int) {
		for i := range n {
			a := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
			require.NoError(t, limits.SignIn(request(t, a.String()+":1", nil)))
		}
	}
	flood(19_000)
	now = now.Add(time.Hour) // the flood's buckets are full again
	require.NoError(t, held())
	require.Error(t, held())
	flood(5_000)
	require.Error(t, held(), "still held: only full buckets are forgotten")
}

func TestWorkersAreCountedApartFromPeople(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	limits := session.NewLimits(session.LimitsConfig{StaffPerMinute: 4, Now: func() time.Time { return now }})
	from := request(t, "192.0.2.1:5", nil)
	for range 2 {
		require.NoError(t, limits.StaffSignIn(from))
	}
	require.ErrorIs(t, limits.StaffSignIn(from), vault.ErrBackOff)
	require.NoError(t, limits.SignIn(from), "people of the same place come in")
	now = now.Add(15 * time.Second)
	require.NoError(t, limits.StaffSignIn(from))
}

// Sixty people of one shelter come in within ten minutes, some of them mistyping twice:
// the numbers of every day refuse nobody. One machine that tries names without end is
// held all the same, and nobody else with it.
func TestAShelterOfSixtyIsNeverRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)
	limits := session.NewLimits(session.LimitsConfig{Now: func() time.Time { return now }})
	shelter := request(t, "192.0.2.1:5", nil)
	for person := range 60 {
		for range 3 {
			require.NoError(t, limits.SignIn(shelter), "person %d", person)
			now = now.Add(10 * time.Minute / (60 * 3))
		}
	}
	now = now.Add(time.Minute)
	for range 30 { // or half of them at the same moment, when the doors open
		require.NoError(t, limits.SignIn(shelter))
	}
	flood := request(t, "198.51.100.7:5", http.Header{"X-Forwarded-For": {"192.0.2.1"}}) // from no proxy of ours
	let := 0
	for range 1000 {
		if limits.SignIn(flood) == nil {
			let++
		}
		now = now.Add(10 * time.Millisecond)
	}
	require.LessOrEqual(t, let, 41)
	require.NoError(t, limits.SignIn(shelter), "whose address was given out as theirs")
}
