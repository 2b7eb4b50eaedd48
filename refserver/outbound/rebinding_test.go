package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"reconnect.example/refserver/outbound"
)

var public = netip.MustParseAddr("93.184.215.14")

// names is a name server of whoever owns a name: each question for an address is answered
// with the next answer.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

// resolver asks it.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	go func() {
		in := make([]byte, 1500)
		for {
			length, from, err := conn.ReadFrom(in)
			if err != nil {
				return
			}
			if out, err := n.answer(in[:length]); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) answer(raw []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil // without EDNS
	q := m.Questions[0]
	n.mu.Lock()
	defer n.mu.Unlock()
	if q.Type == dnsmessage.TypeA {
		for _, a := range n.answers[min(n.asked, len(n.answers)-1)] {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, // TTL 0: ask again each time
				Body:   &dnsmessage.AResource{A: a.As4()},
			})
		}
		n.asked++
	}
	return m.Pack()
}

// times is how often it was asked.
func (n *names) times() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

var errAway = errors.New("this test reaches nobody outside")

// rebound is a client whose names are somebody else's, and what it would have connected to.
func rebound(t *testing.T, n *names) (c *outbound.Client, connected func() []netip.Addr) {
	t.Helper()
	var mu sync.Mutex
	var to []netip.Addr
	c = outbound.New(&outbound.Options{Resolver: n.resolver(t), Dial: func(_ string, at netip.AddrPort) error {
		mu.Lock()
		defer mu.Unlock()
		to = append(to, at.Addr().Unmap())
		return errAway
	}})
	return c, func() []netip.Addr {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(to)
	}
}

// insider is a machine of the own network, which trusts whoever reaches it.
func insider(t *testing.T) (port string, hit func() bool) {
	t.Helper()
	var mu sync.Mutex
	was := false
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &httptest.Server{Listener: &counting{l, func() {
		mu.Lock()
		defer mu.Unlock()
		was = true
	}}, Config: &http.Server{Handler: http.NotFoundHandler()}}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ = strings.Cut(l.Addr().String(), ":")
	return port, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return was
	}
}

// counting tells of each connection.
type counting struct {
	net.Listener
	tell func()
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.tell()
	}
	return conn, err
}

// A name leads outside when it is looked at, and inside when it is used: each time that
// very address is looked at which is connected to.
func TestANameThatLeadsInsideTheSecondTimeReachesNobody(t *testing.T) {
	t.Parallel()
	inside := netip.MustParseAddr("127.0.0.1")
	port, hit := insider(t)
	n := &names{answers: [][]netip.Addr{{public}, {inside}}}
	c, connected := rebound(t, n)
	to := "https://hooks.example.org.:" + port
	require.NoError(t, c.CheckURL(to), "as it is kept")
	require.ErrorIs(t, c.Post(t.Context(), to, nil, nil), outbound.ErrAnswer, "it is outside, and away")
	require.ErrorIs(t, c.Post(t.Context(), to, nil, nil), outbound.ErrAddress)
	require.Equal(t, []netip.Addr{public}, connected())
	require.False(t, hit())
	require.Equal(t, 2, n.times(), "each request asked once")
}

// Of a name with both, the one inside is not the second try when the one outside does not
// answer; nor the first.
func TestANameWithAnAddressInsideAndOneOutsideReachesNobodyInside(t *testing.T) {
	t.Parallel()
	for _, inside := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1"} {
		for _, order := range [][]netip.Addr{{public, netip.MustParseAddr(inside)}, {netip.MustParseAddr(inside), public}} {
			port, hit := insider(t)
			c, connected := rebound(t, &names{answers: [][]netip.Addr{order}})
			require.Error(t, c.Post(t.Context(), "https://hooks.example.org.:"+port, nil, nil))
			require.Equal(t, []netip.Addr{public}, connected(), "%v", order)
			require.False(t, hit())
		}
	}
}
