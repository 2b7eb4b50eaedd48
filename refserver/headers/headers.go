// Package headers says to browsers what holds for every answer, whoever makes it.
package headers

import "net/http"

// Protect sets what no answer goes without: it is what its Content-Type says and nothing
// else (A8), stands in no frame, tells no other site where it was read, shares no window
// and no bytes with one, uses no camera, microphone or place, and stays in no cache. policy
// is its Content-Security-Policy. Over TLS the browser does not come back without.
func Protect(w http.ResponseWriter, r *http.Request, policy string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that know no frame-ancestors
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store") // a shared phone keeps nothing, and neither does a proxy
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
