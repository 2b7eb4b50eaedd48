// Package session knows who sends a request and how often they may: it reads
// the session token from the cookie of a page or from the Authorization header
// of a program, and bounds tries by address and requests by account. The
// sessions themselves live in the store, sealed under their token; this package
// keeps none of them.
package session

import (
	"net/http"
	"strings"
	"time"

	"reconnect.example/vault"
)

// CookieName is the name of the cookie of the pages. The prefix __Host- makes
// browsers refuse the cookie unless it is Secure, for this host alone and for
// all of its paths, so that no neighbouring site can plant one.
const CookieName = "__Host-reconnect"

// Token returns the session token of a request, or "": the bearer token of the
// Authorization header (RFC 6750) or, where there is no such header, the cookie.
func Token(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return ""
		}
		return strings.TrimSpace(token)
	}
	cookie, err := r.Cookie(CookieName)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// Lately is how long after the secret was shown nobody is asked for it again, for what is
// not done with an open session alone: [vault.Vault.ShownLately]. Long enough to clear out
// a bin, and shorter than a phone lies about.
const Lately = 10 * time.Minute

// Open returns the vault of the person who sends the request, or
// vault.ErrSessionEnded. The caller closes it.
func Open(r *http.Request, vaults *vault.Vaults) (*vault.Vault, error) {
	token := Token(r)
	if token == "" {
		return nil, vault.ErrSessionEnded
	}
	return vaults.Resume(r.Context(), token)
}

// SetCookie gives the browser a session. It has no end of its own: the browser
// forgets it when it is closed, and the library ends the session by its clock.
func SetCookie(w http.ResponseWriter, token string) {
	http.SetCookie(w, cookie(token, 0))
}

// SetCookieFor gives the browser a session that it forgets after a while: on a device
// that others use next.
func SetCookieFor(w http.ResponseWriter, token string, life time.Duration) {
	http.SetCookie(w, cookie(token, int(life/time.Second)))
}

// ClearCookie makes the browser forget the session.
func ClearCookie(w http.ResponseWriter) {
	http.SetCookie(w, cookie("", -1))
}

func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge,
		Secure:   true, // never in clear over a network; browsers take it on localhost
		HttpOnly: true, // no script reads it
		SameSite: http.SameSiteStrictMode,
	}
}
