package oauth_test

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/refserver/oauth"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

const here = "https://espace.example.org"

type scene struct {
	*consenttest.Stage
	t        testing.TB
	endpoint http.Handler
	keys     consent.PartnerKeys
	partner  consent.Partner
}

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{Stage: consenttest.New(t, nil), t: t}
	s.keys, s.partner = s.add("CAF")
	var err error
	s.endpoint, err = oauth.New(oauth.Config{
		Staff: s.Service, Address: here, Now: s.Clock.Now,
		Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, Now: s.Clock.Now}),
	})
	require.NoError(t, err)
	return s
}

func (s *scene) add(name string) (consent.PartnerKeys, consent.Partner) {
	keys, err := consent.NewPartnerKeys()
	require.NoError(s.t, err)
	p := consent.Partner{
		ID: vault.ID(consent.NewOrganisationID()), Organisation: s.Organisation.ID, Name: name, Key: keys.Key(), Box: keys.Box(),
		Scopes: []consent.PartnerScope{consent.PartnerAsk}, Kinds: []consent.PaperKind{consent.PaperIdentity}, Since: "2026-01-01",
	}
	s.Sign(s.t, consent.Change{Partner: &p})
	return keys, p
}

// claims are good ones; each test spoils one.
func (s *scene) claims(jti string) jwt.Claims {
	id, now := s.partner.ID.String(), s.Clock.Now()
	return jwt.Claims{Issuer: id, Subject: id, Audience: jwt.Audience{here + oauth.Path}, ID: jti, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}
}

func (s *scene) signed(keys consent.PartnerKeys, claims jwt.Claims) string {
	seed, _ := keys.Seeds()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: ed25519.NewKeyFromSeed(seed)}, (&jose.SignerOptions{}).WithType("JWT"))
	require.NoError(s.t, err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	require.NoError(s.t, err)
	return text
}

func form(assertion string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {oauth.AssertionType}, "client_assertion": {assertion}}
}

type answered struct {
	Status  int
	Error   string `json:"error"`
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
}

func (s *scene) post(f url.Values) answered {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, here+oauth.Path, strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.answer(r)
}

func (s *scene) answer(r *http.Request) (a answered) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.endpoint.ServeHTTP(w, r)
	require.Equal(s.t, "no-store", w.Header().Get("Cache-Control"))
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &a), w.Body.String())
	a.Status = w.Code
	return a
}

func TestASignedAssertionIsGoodForAToken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := s.post(form(s.signed(s.keys, s.claims("1"))))
	require.Equal(t, answered{Status: 200, Token: a.Token, Type: "Bearer", Expires: 600, Scope: "ask"}, a)
	office, err := s.Service.OfficeOf(t.Context(), a.Token)
	require.NoError(t, err)
	require.Equal(t, "CAF", office.Partner().Name)
	short := s.claims("2")
	short.Audience = jwt.Audience{here}
	f := form(s.signed(s.keys, short))
	f.Set("scope", "ask")
	f.Set("client_id", s.partner.ID.String())
	require.Equal(t, 200, s.post(f).Status)
}

// Who cannot prove to be a partner is told the same, whatever is wrong.
func TestWhatProvesNoPartnerGetsNoToken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	otherKeys, other := s.add("CPAM")
	spoilt := func(change func(*jwt.Claims)) string {
		c := s.claims("spoilt")
		change(&c)
		return s.signed(s.keys, c)
	}
	used := s.signed(s.keys, s.claims("used"))
	require.Equal(t, 200, s.post(form(used)).Status)
	good := s.signed(s.keys, s.claims("good"))
	parts := strings.Split(good, ".")
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: s.partner.Key[:]}, nil)
	require.NoError(t, err)
	keyed, err := jwt.Signed(hmac).Claims(s.claims("keyed")).Serialize()
	require.NoError(t, err)
	for name, assertion := range map[string]string{
		"used once":            used,
		"another's key":        s.signed(otherKeys, s.claims("x")),
		"for another server":   spoilt(func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://elsewhere.example"} }),
		"for two servers":      spoilt(func(c *jwt.Claims) { c.Audience = append(c.Audience, "https://elsewhere.example") }),
		"for none":             spoilt(func(c *jwt.Claims) { c.Audience = nil }),
		"without an end":       spoilt(func(c *jwt.Claims) { c.Expiry = nil }),
		"over":                 spoilt(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(s.Clock.Now()) }),
		"for more than 5 min":  spoilt(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(s.Clock.Now().Add(5*time.Minute + time.Second)) }),
		"not yet":              spoilt(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(s.Clock.Now().Add(time.Minute)) }),
		"without an id":        spoilt(func(c *jwt.Claims) { c.ID = "" }),
		"from somebody else":   spoilt(func(c *jwt.Claims) { c.Issuer = other.ID.String() }),
		"about somebody else":  spoilt(func(c *jwt.Claims) { c.Subject = other.ID.String() }),
		"about nobody":         spoilt(func(c *jwt.Claims) { c.Subject = vault.ID(consent.NewOrganisationID()).String() }),
		"a public key as HMAC": keyed,
		"alg none":             "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"no signature":         parts[0] + "." + parts[1] + ".",
		"nonsense":             "x.y.z",
		"nothing":              "",
		"too long":             strings.Repeat("a", 5000),
	} {
		require.Equal(t, answered{Status: 401, Error: "invalid_client"}, s.post(form(assertion)), name)
	}
	require.Equal(t, 200, s.post(form(good)).Status, "and none of it has used up a good one")
	s.Sign(t, consent.Change{WithdrawPartner: &s.partner.ID, On: "2026-03-02"})
	require.Equal(t, answered{Status: 401, Error: "invalid_client"}, s.post(form(s.signed(s.keys, s.claims("late")))))
}

func TestARequestForATokenIsReadStrictly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	n := 0
	with := func(change func(url.Values)) answered {
		n++
		f := form(s.signed(s.keys, s.claims(strings.Repeat("n", n))))
		change(f)
		return s.post(f)
	}
	require.Equal(t, answered{Status: 400, Error: "unsupported_grant_type"}, with(func(f url.Values) { f.Set("grant_type", "password") }))
	require.Equal(t, answered{Status: 400, Error: "invalid_request"}, with(func(f url.Values) { f.Del("grant_type") }))
	require.Equal(t, answered{Status: 400, Error: "invalid_request"}, with(func(f url.Values) { f.Add("scope", "ask"); f.Add("scope", "ask") }))
	require.Equal(t, answered{Status: 400, Error: "invalid_scope"}, with(func(f url.Values) { f.Set("scope", "ask link") }))
	require.Equal(t, answered{Status: 401, Error: "invalid_client"}, with(func(f url.Values) { f.Set("client_secret", "x") }))
	require.Equal(t, answered{Status: 401, Error: "invalid_client"}, with(func(f url.Values) { f.Set("client_id", "x") }))
	require.Equal(t, answered{Status: 401, Error: "invalid_client"}, with(func(f url.Values) { f.Del("client_assertion_type") }))

	in := form(s.signed(s.keys, s.claims("address"))).Encode()
	r := httptest.NewRequest(http.MethodPost, here+oauth.Path+"?"+in, nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, answered{Status: 400, Error: "invalid_request"}, s.answer(r), "an address ends in logs")
	require.Equal(t, 405, s.answer(httptest.NewRequest(http.MethodGet, here+oauth.Path, nil)).Status)
	require.Equal(t, 400, s.answer(httptest.NewRequest(http.MethodPost, here+oauth.Path, strings.NewReader("{}"))).Status)
}

func TestAPartnerGetsFewTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for n := range 10 {
		require.Equal(t, 200, s.post(form(s.signed(s.keys, s.claims(strings.Repeat("a", n+1))))).Status)
	}
	require.Equal(t, answered{Status: 429, Error: "slow_down"}, s.post(form(s.signed(s.keys, s.claims("more")))))
	keys, other := s.add("CPAM")
	c := s.claims("other")
	c.Issuer, c.Subject = other.ID.String(), other.ID.String()
	require.Equal(t, 200, s.post(form(s.signed(keys, c))).Status, "one partner does not keep another out")
}
