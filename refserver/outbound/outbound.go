// Package outbound makes requests to addresses that somebody configured, and to no
// machine of the operator's own network: a name that leads there, today or
// after a change of the DNS, would let whoever names it speak to what trusts that network
// (server-side request forgery).
package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// The errors of this package. None names an address.
var (
	ErrAddress = errors.New("outbound: the address is not of the public internet")
	ErrURL     = errors.New("outbound: the URL is not an https:// one without anything behind #")
	ErrAnswer  = errors.New("outbound: the other side did not take it")
)

const (
	waits      = 15 * time.Second
	mostAnswer = 4 << 10 // bytes of an answer that are read, and thrown away
)

// Options are what tests may loosen, and an operator whose partners are in the same network.
type Options struct {
	Loopback bool                                               // also http:// and https:// to this machine
	Private  bool                                               // also https:// to private networks (RFC 1918, RFC 4193)
	Waits    time.Duration                                      // for one request and its whole answer; 0: 15 seconds
	Dial     func(network string, address netip.AddrPort) error // told of each address that passed, before it is connected to
	Resolver *net.Resolver                                      // nil: that of the machine
}

func (o *Options) reaches(a netip.Addr) bool {
	a = a.Unmap()
	return Public(a) || o.Loopback && a.IsLoopback() || o.Private && a.Zone() == "" && a.IsPrivate()
}

// Client sends to public addresses. Safe for many goroutines.
type Client struct {
	http *http.Client
	opts Options
}

// New returns a client. It uses no proxy and follows nothing: either would choose
// another address than the one that was checked.
func New(opts *Options) *Client {
	if opts == nil {
		opts = &Options{}
	}
	c := &Client{opts: *opts}
	if c.opts.Waits == 0 {
		c.opts.Waits = waits
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Resolver: c.opts.Resolver, Control: func(network, address string, _ syscall.RawConn) error {
		// Here the name has been resolved, and this very address is connected to: nothing
		// can be exchanged between the check and the use (DNS rebinding).
		at, err := netip.ParseAddrPort(address)
		if err != nil || !c.opts.reaches(at.Addr()) {
			return ErrAddress
		}
		if c.opts.Dial != nil {
			return c.opts.Dial(network, at)
		}
		return nil
	}}
	c.http = &http.Client{
		Timeout:       c.opts.Waits,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: max(10*time.Second, c.opts.Waits/2),
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
	}
	return c
}

// CheckURL refuses what no request is made to, before it is kept: ErrURL, ErrAddress.
func (c *Client) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Fragment != "" {
		return ErrURL
	}
	addr, err := netip.ParseAddr(u.Hostname())
	local := c.opts.Loopback && (err == nil && addr.Unmap().IsLoopback() || u.Hostname() == "localhost")
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return ErrURL
	}
	if err == nil && !c.opts.reaches(addr) {
		return ErrAddress
	}
	return nil
}

// Post sends a body and says whether it was taken, by a 2xx. What the other side says
// besides is thrown away. The error is one of this package's or of the context: those
// of the network name the address.
func (c *Client) Post(ctx context.Context, to string, header http.Header, body io.Reader) error {
	if err := c.CheckURL(to); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return ErrURL
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if user := req.URL.User; user != nil { // in no log of a proxy
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
		req.URL.User = nil
	}
	answer, err := c.do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing of it is used
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, mostAnswer))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return ErrAnswer
	}
	return nil
}

// Do sends a request and returns the answer, whatever it is: a redirect is one, and is not
// followed. The caller bounds what is read of it, and closes it. The errors are those of
// [Client.Post].
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := c.CheckURL(req.URL.String()); err != nil {
		return nil, err
	}
	return c.do(req)
}

func (c *Client) do(req *http.Request) (*http.Response, error) {
	answer, err := c.http.Do(req)
	switch {
	case err == nil:
		return answer, nil
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	case errors.Is(err, ErrAddress):
		return nil, ErrAddress
	}
	return nil, ErrAnswer
}

// notPublic are networks that the methods of netip.Addr do not name, with the RFC that
// sets each apart.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // RFC 791: this network
	netip.MustParsePrefix("100.64.0.0/10"),   // RFC 6598: carrier-grade NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // RFC 6890: protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // RFC 5737: documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // RFC 7526: 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // RFC 2544: benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),  // RFC 5737
	netip.MustParsePrefix("240.0.0.0/4"),     // RFC 1112, and broadcast
}

// global is what is routed in IPv6; within it lie prefixes that wrap an address of IPv4,
// which is behind them, or are for documents.
var (
	global = netip.MustParsePrefix("2000::/3")
	within = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),     // RFC 2928: assignments, among them Teredo
		netip.MustParsePrefix("2001:db8::/32"), // RFC 3849
		netip.MustParsePrefix("2002::/16"),     // RFC 3056: 6to4
		netip.MustParsePrefix("3fff::/20"),     // RFC 9637
	}
)

// Public says whether an address is of a machine in the public internet. What is not known
// to be is not: NAT64 (64:ff9b::/96), local, private and link-local ones, where clouds
// answer for their metadata, and all that wraps an address of IPv4.
func Public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	apart := notPublic
	if a.Is6() {
		if !global.Contains(a) {
			return false
		}
		apart = within
	}
	for _, p := range apart {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
