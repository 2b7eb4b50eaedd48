package session

import (
	"net/http"
	"time"
)

// Cookies beside that of the session, of the same kind.
const (
	// HandOverCookie holds the token of a request in the hands of its person, while they
	// are at it.
	HandOverCookie = "__Host-reconnect-back"
	// LookCookie holds what says how far a request is to who came too early. It opens
	// nothing.
	LookCookie = "__Host-reconnect-look"
	// HeldCookie holds the session of a worker which is locked while somebody else uses
	// the device: it opens nothing before the worker has shown their password.
	HeldCookie = "__Host-reconnect-held"
	// VisitCookie holds the code that the worker shows to who they handed the device to,
	// while their session is locked on it: the code is no secret, and too long to be typed.
	VisitCookie = "__Host-reconnect-visit"
	// InvitationCookie holds the code with which a worker has opened their account, until they
	// have asked with it to be let in: it is typed once, and in no address.
	InvitationCookie = "__Host-reconnect-invited"
	// LinkCookie holds the code of a link for who has one and no account, for LinkLasts, so that
	// the page of the link is one to come back to. It opens what the code opens.
	LinkCookie = "__Host-reconnect-link"
	// AskCookie holds the code that a person gives to a partner, to be shown again while it can
	// be used: it opens nothing, and is of whose vault it was made for.
	AskCookie = "__Host-reconnect-ask"
	// AdmitCookie holds what a manager typed of who asks to be let in, when it was not right,
	// until the page is shown once more: digits of a public key, which stay out of addresses.
	AdmitCookie = "__Host-reconnect-admit"
	// WorkplaceCookie says that somebody who works for a centre was in on this device, so
	// that it is one that others use. It says nothing of anybody.
	WorkplaceCookie = "__Host-workplace"
)

// LinkLasts is how long a browser keeps the code of a link after it was last used: long enough
// to photograph a paper, and not for who sits down at the same screen in the afternoon.
const LinkLasts = 20 * time.Minute

// HoldLink gives the browser the code of a link for LinkLasts.
func HoldLink(w http.ResponseWriter, code string) {
	c := cookie(code, int(LinkLasts/time.Second))
	c.Name = LinkCookie
	http.SetCookie(w, c)
}

// Held returns the value of a cookie, or "".
func Held(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Hold gives the browser a cookie that it forgets when it is closed.
func Hold(w http.ResponseWriter, name, token string) {
	c := cookie(token, 0)
	c.Name = name
	http.SetCookie(w, c)
}

// Drop makes the browser forget a cookie.
func Drop(w http.ResponseWriter, name string) {
	c := cookie("", -1)
	c.Name = name
	http.SetCookie(w, c)
}
