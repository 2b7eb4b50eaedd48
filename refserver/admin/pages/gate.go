package pages

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// linkLasts is how long the printed link waits to be opened.
	linkLasts = 10 * time.Minute
	// cookieName is that of the session. The prefix makes browsers keep it to this host.
	cookieName = "__Host-reconnect-operator"
)

// gate lets in who opened the link that was printed, and nobody else of this machine.
type gate struct {
	host string // name and port under which alone the pages answer
	idle time.Duration
	most time.Duration
	now  func() time.Time

	mu      sync.Mutex
	made    time.Time
	link    [sha256.Size]byte // digest of the token in the link
	session [sha256.Size]byte // digest of the cookie
	used    bool              // the link was opened
	closed  bool              // somebody said so, or it is too late
	began   time.Time
	last    time.Time
}

// newGate makes a gate and the token of its link.
//
// Cookies know no ports: a page of another user of this machine, at another port of the
// same name, would be sent this one's. So the name is new and of chance each time.
// Browsers take every name below localhost for this machine.
func newGate(port string, idle, most time.Duration, now func() time.Time) (g *gate, token string) {
	token = rand.Text()
	name := strings.ToLower(rand.Text()[:16])
	return &gate{host: name + ".localhost:" + port, idle: idle, most: most, now: now, made: now(), link: sha256.Sum256([]byte(token))}, token
}

// enter takes the token of the link for a cookie, once.
func (g *gate) enter(w http.ResponseWriter, token string) bool {
	given := sha256.Sum256([]byte(token))
	g.mu.Lock()
	defer g.mu.Unlock()
	// The link may stand in a list of processes, where a browser was started with it: the
	// second who comes with it gets nothing, and the first was told of on the terminal.
	if subtle.ConstantTimeCompare(given[:], g.link[:]) != 1 || g.used || g.over() {
		return false
	}
	session := rand.Text()
	g.used, g.session, g.began, g.last = true, sha256.Sum256([]byte(session)), g.now(), g.now()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return true
}

// knows reports whether a request comes from who opened the link, and notes that the
// pages are in use.
func (g *gate) knows(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	given := sha256.Sum256([]byte(cookie.Value))
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.used || g.over() || subtle.ConstantTimeCompare(given[:], g.session[:]) != 1 {
		return false
	}
	g.last = g.now()
	return true
}

// over reports whether nobody is let in any more, for good. The caller holds mu.
func (g *gate) over() bool {
	now := g.now()
	switch {
	case g.closed:
	case !g.used:
		g.closed = now.Sub(g.made) >= linkLasts
	default:
		g.closed = now.Sub(g.last) >= g.idle || now.Sub(g.began) >= g.most
	}
	return g.closed
}

func (g *gate) isOver() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.over()
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
