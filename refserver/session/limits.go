package session

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"reconnect.example/vault"
)

// Limits bounds how often one address may try to sign in and how often one
// account may ask anything. Guessing one password is bounded by the library,
// per account; this bounds what one machine can cost everybody else. The
// numbers are generous, because a whole shelter shares one address.
type Limits struct {
	trusted  []netip.Prefix
	signIns  buckets[netip.Prefix]
	staff    buckets[netip.Prefix]
	links    buckets[netip.Prefix]
	requests buckets[vault.ID]
	moves    buckets[netip.Prefix]
	partners buckets[vault.ID]
	tokens   buckets[vault.ID]
	heavy    chan struct{}
}

// LimitsConfig configures NewLimits. Zero values take the default.
type LimitsConfig struct {
	// TrustedProxies are the addresses of proxies whose X-Forwarded-For is believed.
	TrustedProxies    []netip.Prefix
	SignInsPerMinute  int              // sign-ins of one address; default 60, of which 30 at once
	StaffPerMinute    int              // sign-ins of workers, and codes that they type; default 20, of which 10 at once
	LinksPerMinute    int              // uses of links by one address; default 60, of which 30 at once
	RequestsPerSecond int              // requests of one account; default 20, of which 200 at once
	PartnerPerSecond  int              // requests of one partner system; default 5, of which 50 at once
	Now               func() time.Time // default time.Now
}

// NewLimits returns limits that nobody has used yet.
func NewLimits(c LimitsConfig) *Limits {
	if c.SignInsPerMinute <= 0 {
		c.SignInsPerMinute = 60
	}
	if c.StaffPerMinute <= 0 {
		c.StaffPerMinute = 20
	}
	if c.LinksPerMinute <= 0 {
		c.LinksPerMinute = 60
	}
	if c.RequestsPerSecond <= 0 {
		c.RequestsPerSecond = 20
	}
	if c.PartnerPerSecond <= 0 {
		c.PartnerPerSecond = 5
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Limits{
		trusted:  c.TrustedProxies,
		signIns:  buckets[netip.Prefix]{every: rate.Limit(c.SignInsPerMinute) / 60, burst: max(1, c.SignInsPerMinute/2), now: c.Now},
		staff:    buckets[netip.Prefix]{every: rate.Limit(c.StaffPerMinute) / 60, burst: max(1, c.StaffPerMinute/2), now: c.Now},
		links:    buckets[netip.Prefix]{every: rate.Limit(c.LinksPerMinute) / 60, burst: max(1, c.LinksPerMinute/2), now: c.Now},
		requests: buckets[vault.ID]{every: rate.Limit(c.RequestsPerSecond), burst: 10 * c.RequestsPerSecond, now: c.Now},
		moves:    buckets[netip.Prefix]{every: rate.Limit(c.RequestsPerSecond), burst: 10 * c.RequestsPerSecond, now: c.Now},
		partners: buckets[vault.ID]{every: rate.Limit(c.PartnerPerSecond), burst: 10 * c.PartnerPerSecond, now: c.Now},
		tokens:   buckets[vault.ID]{every: rate.Limit(1. / 30), burst: 10, now: c.Now},
		heavy:    make(chan struct{}, 1),
	}
}

// SignIn counts a try of the sender's address. A *vault.BackOffError says how
// long to wait.
func (l *Limits) SignIn(r *http.Request) error { return l.signIns.take(network(l.Address(r))) }

// StaffSignIn counts a try of the sender's address to sign in as a worker, or to use
// a code that lets one in. It is counted apart from [Limits.SignIn]: workers are few,
// and whoever tries their names must not keep a whole shelter out. A
// *vault.BackOffError says how long to wait.
func (l *Limits) StaffSignIn(r *http.Request) error { return l.staff.take(network(l.Address(r))) }

// Link counts a use of a link by the sender's address, whosever link it is: the code of a
// link is beyond guessing, and one machine must not keep everybody else's link waiting. A
// *vault.BackOffError says how long to wait.
func (l *Limits) Link(r *http.Request) error { return l.links.take(network(l.Address(r))) }

// Request counts a request of an account. A *vault.BackOffError says how long
// to wait.
func (l *Limits) Request(id vault.ID) error { return l.requests.take(id) }

// Move counts a request of another operator's server with which somebody moves here, by
// its address: what it says of whose space it is about is not checked yet, and must not
// spend what that person has. A *vault.BackOffError says how long to wait.
func (l *Limits) Move(r *http.Request) error { return l.moves.take(network(l.Address(r))) }

// Partner counts a request of a partner system. A *vault.BackOffError says how long to wait.
func (l *Limits) Partner(id vault.ID) error { return l.partners.take(id) }

// PartnerToken counts a token for a partner system: ten at once, then one in thirty seconds,
// which is plenty for tokens of ten minutes, and little for the store. A
// *vault.BackOffError says how long to wait.
func (l *Limits) PartnerToken(id vault.ID) error { return l.tokens.take(id) }

// Heavily does what takes much memory for a moment, one at a time: a passphrase of a
// bundle takes 256 MiB, and many at once would end the server. Errors: those of ctx, if it
// ends before its turn comes; those of do.
func (l *Limits) Heavily(ctx context.Context, do func() error) error {
	select {
	case l.heavy <- struct{}{}:
		defer func() { <-l.heavy }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Address returns the address of the sender: that of the connection or, behind
// trusted proxies, the last one in X-Forwarded-For that is no trusted proxy.
// What stands left of it could be anybody's invention. The zero Addr if there
// is none, as on a private socket.
func (l *Limits) Address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	address = address.Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && l.isTrusted(address); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop.Unmap().WithZone("")
	}
	return address
}

func (l *Limits) isTrusted(address netip.Addr) bool {
	for _, prefix := range l.trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// network is what counts as one address: an IPv4 address, or the /64 that one
// IPv6 subscriber can choose addresses from at will.
func network(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // fails for the zero Addr alone, which is one network too
	return prefix
}

// mostBuckets bounds the memory that strangers with many addresses can take.
const mostBuckets = 20_000

// buckets holds one token bucket for each key that was seen lately.
type buckets[K comparable] struct {
	every rate.Limit
	burst int
	now   func() time.Time

	mu  sync.Mutex
	all map[K]*rate.Limiter
}

func (b *buckets[K]) take(key K) error {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket := b.all[key]
	if bucket == nil {
		b.makeRoom(now)
		bucket = rate.NewLimiter(b.every, b.burst)
		b.all[key] = bucket
	}
	reservation := bucket.ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now) // a refused try costs no further wait
		return &vault.BackOffError{Wait: wait}
	}
	return nil
}

// makeRoom forgets the buckets that are full again, which changes nothing for
// their owners, and when that is not enough everybody's: a flood of addresses
// may lift this limit, but not the library's limit for each account.
func (b *buckets[K]) makeRoom(now time.Time) {
	if b.all == nil {
		b.all = make(map[K]*rate.Limiter)
	}
	if len(b.all) < mostBuckets {
		return
	}
	for key, bucket := range b.all {
		if bucket.TokensAt(now) >= float64(b.burst) {
			delete(b.all, key)
		}
	}
	if len(b.all) >= mostBuckets {
		clear(b.all)
	}
}
