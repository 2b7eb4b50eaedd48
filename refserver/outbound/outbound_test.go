package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/outbound"
)

func TestOnlyThePublicInternetIsPublic(t *testing.T) {
	t.Parallel()
	for _, a := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "2001:0:1::1", "2001:db8::1", "::10.0.0.1",
	} {
		require.False(t, outbound.Public(netip.MustParseAddr(a)), a)
	}
	for _, a := range []string{"8.8.8.8", "100.63.0.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a01:e0a::1", "::ffff:8.8.8.8"} {
		require.True(t, outbound.Public(netip.MustParseAddr(a)), a)
	}
}

func TestNoRequestReachesTheOwnNetwork(t *testing.T) {
	t.Parallel()
	hit := false
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit = true }))
	t.Cleanup(inside.Close)
	_, port, _ := strings.Cut(inside.Listener.Addr().String(), ":")
	c := outbound.New(nil)
	for _, to := range []string{inside.URL, "https://localhost:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://127.1:" + port} { // names and odd spellings are resolved first
		require.Error(t, c.Post(t.Context(), to, nil, strings.NewReader("x")), to)
	}
	require.ErrorIs(t, c.Post(t.Context(), "https://localhost:"+port, nil, nil), outbound.ErrAddress, "by the address that it leads to")
	for _, to := range []string{"http://example.org", "ftp://example.org", "https://", "https://example.org/#x", "file:///etc/passwd", "http://127.0.0.1"} {
		require.ErrorIs(t, c.CheckURL(to), outbound.ErrURL, to)
	}
	require.False(t, hit)
}

func TestNothingIsFollowedAndNoAnswerIsKept(t *testing.T) {
	t.Parallel()
	followed, user := false, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		case "/here":
			followed = true
		case "/loud":
			user, _, _ = r.BasicAuth()
			_, _ = w.Write(make([]byte, 1<<20))
		}
	}))
	t.Cleanup(s.Close)
	c := outbound.New(&outbound.Options{Loopback: true})
	require.ErrorIs(t, c.Post(t.Context(), s.URL+"/away", nil, nil), outbound.ErrAnswer)
	require.False(t, followed)
	require.NoError(t, c.Post(t.Context(), strings.Replace(s.URL, "//", "//ann:x@", 1)+"/loud", nil, nil))
	require.Equal(t, "ann", user)
}
