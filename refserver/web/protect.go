package web

import (
	"net/http"

	"reconnect.example/refserver/headers"
	"reconnect.example/refserver/patience"
	"reconnect.example/refserver/problem"
)

// policy lets a page load from this server alone, and run no script that is not
// a file of this server: markup in a name cannot become code (G6).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect sets what holds for every answer, and refuses what other sites send
// in the person's name (CSRF), beside SameSite of the cookie.
func (p *pages) protect(next http.Handler) http.Handler {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(p.anybody(func(*visit) error { return problem.ErrCrossOrigin }))
	checked := own.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers.Protect(w, r, policy)
		w, r, end := patience.Bound(w, r, patience.Stall)
		whole := false
		defer func() { end(whole) }()
		checked.ServeHTTP(w, r)
		whole = true
	})
}
