package pages

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/config"
)

// all are pages of the operator.
var all = []string{
	"/", "/increases", "/increases/x-1", "/centres", "/centres/add", "/organisations/add", "/directory", "/directory/file", "/language",
	"/centres/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/centres/aaaaaaaaaaaaaaaaaaaaaaaaaa/withdraw", "/nothing",
}

func TestOnlyWhoOpensTheLinkGetsIn(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	for _, path := range all {
		s.get(path).is(http.StatusUnauthorized, "These pages are closed").without("Centres", "<form")
	}
	for _, path := range []string{"/invite", "/close", "/directory", "/organisations/add", "/increases/x-1", "/language"} {
		s.post(path, url.Values{"name": {"Town"}, "step": {"sign"}, "version": {"1"}}).is(http.StatusUnauthorized)
	}
	for _, wrong := range []string{"x", s.token[:25], s.token + "x", strings.ToLower(s.token)} {
		s.get("/enter/"+wrong).is(http.StatusForbidden, "These pages are closed")
	}
	require.Empty(t, s.terminal())

	s.enter()
	require.Equal(t, cookieName, s.cookie.Name)
	require.True(t, s.cookie.HttpOnly && s.cookie.Secure && s.cookie.Path == "/" && s.cookie.Domain == "" && s.cookie.SameSite == http.SameSiteStrictMode)
	require.NotContains(t, s.cookie.Value, s.token)
	require.Contains(t, s.terminal(), "If that was not you")
	s.get("/").is(http.StatusOK, "The server has been running since")

	own := s.cookie
	for _, cookie := range []*http.Cookie{nil, {Name: cookieName, Value: s.token}, {Name: cookieName, Value: ""}, {Name: "other", Value: own.Value}} {
		s.cookie = cookie
		s.get("/enter/" + s.token).is(http.StatusForbidden) // a second time
		s.get("/").is(http.StatusUnauthorized)
	}
	s.cookie = own
	s.get("/").is(http.StatusOK)
	require.Equal(t, uint64(1), s.published().Version(), "who was outside changed nothing")
}

// DNS rebinding: a name of a stranger that leads to this machine.
func TestNoOtherNameIsAnswered(t *testing.T) {
	t.Parallel()
	s := open(t, true).enter()
	_, port, _ := net.SplitHostPort(s.address)
	name, _, _ := strings.Cut(s.gate.host, ":")
	for _, host := range []string{s.address, "localhost:" + port, "attacker.example:" + port, "attacker.example", name, name + ":1", "x." + s.gate.host, ""} {
		for _, path := range []string{"/", "/static/style.css", "/enter/" + s.token} {
			r := s.request(http.MethodGet, path, nil)
			r.Host = host
			if host == "" {
				r.Host = "." // an empty one is filled in by the client
			}
			s.do(r).is(http.StatusMisdirectedRequest).without("Reconnect")
		}
	}
	require.NotEqual(t, s.gate.host, open(t, false).gate.host, "the name is new each time")
}

// CSRF, also from another port of this machine, which is the same site for a cookie.
func TestWhatAnotherPageSendsIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, true).enter()
	values := url.Values{"name": {"Town"}, "step": {"sign"}, "version": {"1"}}
	for header, of := range map[string][]string{
		"Sec-Fetch-Site": {"cross-site", "same-site"},
		"Origin":         {"http://attacker.example", "http://" + strings.Split(s.gate.host, ":")[0] + ":9", "null", "http://127.0.0.1"},
	} {
		for _, value := range of {
			r := s.request(http.MethodPost, "/organisations/add", strings.NewReader(values.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header, value)
			s.do(r).is(http.StatusForbidden)
		}
	}
	require.Equal(t, uint64(1), s.published().Version())
	s.post("/organisations/add", values).then().is(http.StatusOK, "The directory is published.")
	require.Equal(t, uint64(2), s.published().Version())
}

func TestALinkThatWaitsTooLongIsDead(t *testing.T) {
	t.Parallel()
	s := open(t, false)
	s.wait(linkLasts)
	s.get("/enter/" + s.token).is(http.StatusForbidden)
	require.True(t, s.gate.isOver())
}

func TestPagesThatNobodyUsesAreClosed(t *testing.T) {
	t.Parallel()
	s := open(t, false).enter()
	for range 3 {
		s.wait(14 * time.Minute)
		s.get("/centres").is(http.StatusOK)
	}
	s.wait(14 * time.Minute)
	own := s.cookie
	s.cookie = nil
	s.get("/").is(http.StatusUnauthorized) // which is no use
	s.cookie = own
	s.wait(time.Minute)
	s.get("/").is(http.StatusUnauthorized)

	s = open(t, false).enter()
	for range 12 * 6 {
		s.wait(10 * time.Minute)
		s.get("/static/style.css").is(http.StatusOK)
		if !s.gate.knows(s.request(http.MethodGet, "/", nil)) {
			break
		}
	}
	s.get("/").is(http.StatusUnauthorized) // twelve hours, however busy
}

func TestTheProgramEndsByItself(t *testing.T) {
	t.Parallel()
	s := open(t, false)
	s.serve(50 * time.Millisecond) // another one
	s.enter()
	require.NoError(t, <-s.served)
	require.Contains(t, s.terminal(), "The pages were not used, and are closed.")

	s.cookie = nil
	s.serve(time.Hour)
	s.enter().get("/").is(http.StatusOK)
	s.post("/close", nil).is(http.StatusOK, "These pages are closed")
	require.NoError(t, <-s.served)
}

func TestThePagesAreOnThisMachineAlone(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":9000", "0.0.0.0:9000", "[::]:0", "10.0.0.1:0", "127.0.0.2:0", "example.org:0", "localhost:0", "nonsense"} {
		_, err := config.Parse([]string{"admin", "pages", "--listen", address}, io.Discard)
		require.ErrorContains(t, err, "nobody on a network reaches them", address)
		_, err = listen(t.Context(), address, (&net.ListenConfig{}).Listen)
		require.Error(t, err, address)
	}
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	_, err = listen(t.Context(), "[::1]:"+port, (&net.ListenConfig{}).Listen)
	require.Error(t, err)
	open, err := listen(t.Context(), "127.0.0.1:0", (&net.ListenConfig{}).Listen)
	require.NoError(t, err)
	require.NoError(t, closeAll(open))
}

// ports are those of a machine: which are taken, and which are open for these pages.
type ports struct {
	taken, open map[string]bool
	next        int
	without     error // what a machine says that has no IPv6
}

func newPorts(taken ...string) *ports {
	p := &ports{taken: map[string]bool{}, open: map[string]bool{}, next: 49999}
	for _, address := range taken {
		p.taken[address] = true
	}
	return p
}

func (p *ports) listen(_ context.Context, _, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port == "0" {
		p.next++
		address = net.JoinHostPort(host, strconv.Itoa(p.next))
	}
	switch {
	case host == "::1" && p.without != nil:
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", p.without)}
	case p.taken[address] || p.open[address]:
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	p.open[address] = true
	return &openPort{address: address, ports: p}, nil
}

// openPort is one of them, open.
type openPort struct {
	net.Listener
	address string
	ports   *ports
}

func (o *openPort) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(o.address))
}

func (o *openPort) Close() error {
	delete(o.ports.open, o.address)
	return nil
}

// Whoever holds the same port of the other kind of this machine would be given the link.
func TestNobodyElseHoldsTheOtherPortOfTheLink(t *testing.T) {
	t.Parallel()
	all := func(first, last int) (taken []string) {
		for port := first; port <= last; port++ {
			taken = append(taken, net.JoinHostPort("::1", strconv.Itoa(port)))
		}
		return taken
	}
	for name, c := range map[string]struct {
		machine *ports
		address string
		open    []string // nothing: an error
	}{
		"both are free":                  {newPorts(), "127.0.0.1:9000", []string{"127.0.0.1:9000", "[::1]:9000"}},
		"both are free, the other first": {newPorts(), "[::1]:9000", []string{"[::1]:9000", "127.0.0.1:9000"}},
		"the other is taken":             {newPorts("[::1]:9000"), "127.0.0.1:9000", nil},
		"the first is taken":             {newPorts("[::1]:9000"), "[::1]:9000", nil},
		"another one is found":           {newPorts(all(50000, 50006)...), "127.0.0.1:0", []string{"127.0.0.1:50007", "[::1]:50007"}},
		"none is found":                  {newPorts(all(50000, 50100)...), "127.0.0.1:0", nil},
		"there is no IPv6":               {&ports{open: map[string]bool{}, without: syscall.EADDRNOTAVAIL}, "127.0.0.1:9000", []string{"127.0.0.1:9000"}},
		"it is not built in":             {&ports{open: map[string]bool{}, without: syscall.EAFNOSUPPORT}, "127.0.0.1:9000", []string{"127.0.0.1:9000"}},
		"it is not allowed":              {&ports{open: map[string]bool{}, without: syscall.EACCES}, "127.0.0.1:9000", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, err := listen(t.Context(), c.address, c.machine.listen)
			if c.open == nil {
				require.Error(t, err)
				require.Empty(t, c.machine.open, "nothing stays open")
				return
			}
			require.NoError(t, err)
			var open []string
			for _, l := range opened {
				open = append(open, l.Addr().String())
			}
			require.Equal(t, c.open, open)
			require.NoError(t, closeAll(opened))
			require.Empty(t, c.machine.open)
		})
	}
}

var printedLink = regexp.MustCompile(`http://([a-z2-7]{16}\.localhost:\d+)/enter/([A-Z2-7]{26})\n`)

func TestTheCommandPrintsALinkAndNeedsARunningServer(t *testing.T) {
	t.Parallel()
	s := open(t, false)
	ctx, stop := context.WithCancel(t.Context())
	var out output
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, s.config, &out) }()
	require.Eventually(t, func() bool { return printedLink.MatchString(out.String()) }, time.Minute, 5*time.Millisecond)
	link := printedLink.FindStringSubmatch(out.String())
	s.gate.host, s.token, s.cookie = link[1], link[2], nil
	_, port, _ := net.SplitHostPort(link[1])
	s.address = "127.0.0.1:" + port
	s.enter().get("/").is(http.StatusOK)
	stop()
	require.NoError(t, <-ended)

	own := *s.config
	own.Admin.Pages.AuthorityKey = s.keyFile + ".gone"
	require.Error(t, Run(t.Context(), &own, io.Discard))
	s.door.Close()
	require.ErrorContains(t, Run(t.Context(), s.config, io.Discard), "no server runs on this data folder")
}
