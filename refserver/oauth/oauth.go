// Package oauth is the token endpoint for partner systems: OAuth 2.0 client credentials
// (RFC 6749, 4.4) with a signed assertion in the place of a password (RFC 7521, RFC 7523,
// "private_key_jwt"). The assertion is signed with Ed25519 (EdDSA, RFC 8037) by the key that
// the authority signed for the partner; no secret of a partner is here. People do not sign in
// here, and no token of here opens a space.
package oauth

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/hashicorp/go-hclog"

	"reconnect.example/consent"
	"reconnect.example/refserver/headers"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

const (
	// Path is where the endpoint is served.
	Path = "/oauth/token"
	// AssertionType is the only kind of credential that is taken.
	AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

	maxForm      = 8 << 10 // bytes
	maxAssertion = 4 << 10
)

// Config is what the endpoint needs; all but Logger is required.
type Config struct {
	Staff   *consent.Service
	Limits  *session.Limits
	Address string           // where this server is reached, "https://espace.example.org": whom an assertion must be for
	Now     func() time.Time // nil: time.Now
	Logger  hclog.Logger     // nil: nothing is logged
}

// Endpoint answers the requests to Path.
type Endpoint struct {
	cfg Config
}

// New checks the configuration.
func New(cfg Config) (*Endpoint, error) {
	if cfg.Staff == nil || cfg.Limits == nil || cfg.Address == "" {
		return nil, errors.New("oauth: Config.Staff, Config.Limits or Config.Address is missing")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	cfg.Address = strings.TrimSuffix(cfg.Address, "/")
	return &Endpoint{cfg}, nil
}

// refusal is an answer of RFC 6749, 5.2.
type refusal struct {
	status int
	code   string
	wait   time.Duration
}

// Error is the code, and nothing of what was sent.
func (r *refusal) Error() string { return "oauth: " + r.code }

var (
	errRequest   = &refusal{http.StatusBadRequest, "invalid_request", 0}
	errGrantType = &refusal{http.StatusBadRequest, "unsupported_grant_type", 0}
	errScope     = &refusal{http.StatusBadRequest, "invalid_scope", 0}
	// errClient is one answer for who is not there, who was withdrawn, a wrong signature, and
	// an assertion that was used, is for another server, or is over: it tells them apart to
	// nobody.
	errClient = &refusal{http.StatusUnauthorized, "invalid_client", 0}
)

// ServeHTTP answers one request for a token.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers.Protect(w, r, "default-src 'none'; frame-ancestors 'none'; sandbox")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	answer, err := e.token(w, r)
	if err == nil {
		_ = json.NewEncoder(w).Encode(answer) // it was given, whether or not the caller hears of it
		return
	}
	told := e.told(r.Context(), err)
	if told.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	if told.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((told.wait+time.Second-1)/time.Second)))
	}
	w.WriteHeader(told.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": told.code})
}

// told is what a caller hears of an error.
func (e *Endpoint) told(ctx context.Context, err error) *refusal {
	var r *refusal
	var wait *vault.BackOffError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &wait):
		return &refusal{http.StatusTooManyRequests, "slow_down", wait.Wait}
	case errors.Is(err, consent.ErrNotNamed), errors.Is(err, consent.ErrNoDirectory), errors.Is(err, vault.ErrEnded), errors.Is(err, vault.ErrRepeated), errors.Is(err, vault.ErrInvalid), errors.Is(err, vault.ErrUntrustedKey):
		return errClient
	}
	if ctx.Err() == nil {
		e.cfg.Logger.Error("a token was not given", "cause", problem.Cause(err))
	}
	return &refusal{http.StatusServiceUnavailable, "temporarily_unavailable", 30 * time.Second}
}

// answer is that of RFC 6749, 5.1.
type answer struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"` // seconds
	Scope   string `json:"scope"`
}

func (e *Endpoint) token(w http.ResponseWriter, r *http.Request) (*answer, error) {
	if r.Method != http.MethodPost {
		return nil, &refusal{http.StatusMethodNotAllowed, "invalid_request", 0}
	}
	if err := e.cfg.Limits.SignIn(r); err != nil { // before anything is verified, by address
		return nil, err
	}
	form, err := readForm(w, r)
	if err != nil {
		return nil, err
	}
	switch {
	case form.Get("grant_type") == "":
		return nil, errRequest
	case form.Get("grant_type") != "client_credentials":
		return nil, errGrantType
	case form.Get("client_assertion_type") != AssertionType, form.Has("client_secret"), r.Header.Get("Authorization") != "":
		return nil, errClient
	}
	office, claims, err := e.verified(r.Context(), form.Get("client_assertion"))
	if err != nil {
		return nil, err
	}
	p := office.Partner()
	if id := form.Get("client_id"); id != "" && id != p.ID.String() { // RFC 7521, 4.2
		return nil, errClient
	}
	for _, s := range strings.Fields(form.Get("scope")) {
		if !slices.Contains(p.Scopes, consent.PartnerScope(s)) {
			return nil, errScope
		}
	}
	if err := e.cfg.Limits.PartnerToken(p.ID); err != nil { // now that it is the partner: nobody uses up another's
		return nil, err
	}
	token, err := office.Enter(r.Context(), claims.ID, claims.Expiry.Time())
	if err != nil {
		return nil, err
	}
	scopes := make([]string, len(p.Scopes))
	for n, s := range p.Scopes {
		scopes[n] = string(s)
	}
	return &answer{token.Token, "Bearer", int(consent.PartnerTokenLasts / time.Second), strings.Join(scopes, " ")}, nil
}

// readForm reads the body alone: a parameter in the address would end in logs.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return nil, errRequest
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, errRequest
	}
	for _, values := range r.PostForm { // RFC 6749, 3.2
		if len(values) > 1 {
			return nil, errRequest
		}
	}
	return r.PostForm, nil
}

// verified opens the office of whom an assertion is from. The algorithm is that of the key,
// whatever the assertion says, and the key is the authority's word: a key, an address of one
// or a certificate in the assertion counts for nothing (RFC 8725, 3.1 and 3.10).
func (e *Endpoint) verified(ctx context.Context, assertion string) (*consent.Office, *jwt.Claims, error) {
	if assertion == "" || len(assertion) > maxAssertion {
		return nil, nil, errClient
	}
	signed, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.EdDSA})
	var claims jwt.Claims
	if err != nil || signed.UnsafeClaimsWithoutVerification(&claims) != nil {
		return nil, nil, errClient
	}
	id, err := vault.ParseID(claims.Subject)
	if err != nil {
		return nil, nil, errClient
	}
	office, err := e.cfg.Staff.Office(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	p := office.Partner()
	claims = jwt.Claims{}
	if signed.Claims(ed25519.PublicKey(p.Key[:]), &claims) != nil {
		return nil, nil, errClient
	}
	now := e.cfg.Now()
	expected := jwt.Expected{Issuer: p.ID.String(), Subject: p.ID.String(), Time: now}
	// Leeway for who begins it a little late by our clock; none for its end, until which its id is kept.
	if claims.Expiry == nil || !claims.Expiry.Time().After(now) || claims.ValidateWithLeeway(expected, 30*time.Second) != nil || !e.isFor(claims.Audience) {
		return nil, nil, errClient
	}
	return office, &claims, nil
}

// isFor says whether an assertion is for this server alone: one that is good elsewhere too,
// whoever is there could bring here (RFC 7523, 3).
func (e *Endpoint) isFor(audience jwt.Audience) bool {
	return len(audience) == 1 && (audience[0] == e.cfg.Address || audience[0] == e.cfg.Address+Path)
}
