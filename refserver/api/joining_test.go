package api

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238, as authenticator apps have it
	"encoding/base32"
	bytesof "encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

const staffPassword = "des mots que nul ne sait"

// enrolled makes an account with an invitation and puts an authenticator app in
// force.
func (tn *town) enrolled(t *testing.T, code, name string) *person {
	t.Helper()
	made := ok[struct{ Token, ID, Login string }](tn.stranger(t).call("POST", "/staff/accounts", map[string]any{
		"code": code, "name": name, "password": staffPassword, "notice": read("Ce que nous gardons de vous."), "agreed": true,
	}), 201)
	w := &person{t: t, s: tn.server, login: made.Login, token: made.Token}
	w.call("POST", "/staff/second-factor", map[string]any{"secret": map[string]any{"password": "non"}}).refused(401, "sign-in")
	app := ok[struct{ URI, Secret string }](w.call("POST", "/staff/second-factor", map[string]any{"secret": map[string]any{"password": staffPassword}}), 201)
	u, err := url.Parse(app.URI)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(app.Secret, " ", ""), u.Query().Get("secret"))
	_, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	require.NoError(t, err)
	w.call("POST", "/staff/second-factor/confirm", map[string]any{"code": "000000"}).refused(401, "second-factor")
	tn.passes(30 * time.Second)
	ok[struct{}](w.call("POST", "/staff/second-factor/confirm", map[string]any{"code": tn.appShows(u.Query().Get("secret"))}), 200)
	return w
}

// appShows is what an authenticator app with this secret shows now (RFC 6238).
func (tn *town) appShows(secret string) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		return ""
	}
	h := hmac.New(sha1.New, key)
	_, _ = h.Write(bytesof.BigEndian.AppendUint64(nil, uint64(tn.stage.Clock.Now().Unix()/30))) // never fails
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", bytesof.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// A relay from its invitation to its first paper, by nothing but the interface; only
// the operator's invitation and the authority's signature come from elsewhere.
func TestARelayIsFoundedAndStaffedThroughHTTPAlone(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	first, err := tn.stage.InviteManager(t.Context())
	require.NoError(t, err)
	mona := tn.enrolled(t, first.Code, "Mona")
	founded := ok[struct {
		Relay, Key, Fingerprint string
		Sheet                   Sheet
	}](mona.call("POST", "/staff/relays", map[string]any{"code": first.Code}), 201)
	require.NotEmpty(t, founded.Sheet.Code)
	mine := ok[struct{ Relays []Membership }](mona.call("GET", "/staff/relays", nil), 200).Relays
	require.Len(t, mine, 1)
	require.True(t, mine[0].Founded)
	mona.call("GET", "/staff/relays/"+founded.Relay+"/members", nil).refused(404, "not-named")
	tn.signed(t, founded.Relay, founded.Key)
	relays := ok[struct{ Relays []Relay }](mona.call("GET", "/relays", nil), 200).Relays
	require.Len(t, relays, 1)
	require.Equal(t, founded.Fingerprint, relays[0].Fingerprint)

	base := "/staff/relays/" + founded.Relay
	code := ok[struct{ Code string }](mona.call("POST", base+"/invitations", map[string]any{"roles": []string{"help"}}), 201).Code
	samir := tn.enrolled(t, code, "Samir")
	asked := ok[struct{ Fingerprint string }](samir.call("POST", "/staff/join", map[string]any{"code": code}), 201)
	samir.call("POST", "/staff/join", map[string]any{"code": code}).refused(403, "invitation")
	samir.call("GET", base+"/people", nil).refused(403, "not-member")
	requests := ok[struct{ Requests []JoinRequest }](mona.call("GET", base+"/requests", nil), 200).Requests
	require.Len(t, requests, 1)
	me := ok[struct{ ID, Name, Fingerprint string }](samir.call("GET", "/staff/me", nil), 200)
	require.Equal(t, "Samir", me.Name)
	require.Equal(t, asked.Fingerprint, me.Fingerprint)
	admission := map[string]any{"worker": me.ID, "fingerprint": ok[struct{ Fingerprint string }](mona.call("GET", "/staff/me", nil), 200).Fingerprint, "roles": []string{"help"}, "secret": map[string]any{"password": "non"}}
	mona.call("POST", base+"/members", admission).refused(401, "sign-in")
	admission["secret"] = map[string]any{"password": staffPassword}
	mona.call("POST", base+"/members", admission).refused(422, "fingerprint")
	admission["fingerprint"] = asked.Fingerprint
	ok[struct{}](mona.call("POST", base+"/members", admission), 200)
	ok[struct{ People []Person }](samir.call("GET", base+"/people", nil), 200)
	ok[struct{}](samir.call("POST", base+"/leave", nil), 200)
	require.Equal(t, 403, samir.call("GET", base+"/people", nil).Status)
}

// signed has the authority sign a relay that was founded.
func (tn *town) signed(t *testing.T, id, key string) {
	t.Helper()
	relay, err := consent.ParseRelayID(id)
	require.NoError(t, err)
	public, err := consent.ParseRelayKey(key)
	require.NoError(t, err)
	entry := tn.stage.Entry(consent.Founded{Relay: relay, Key: public}, "Halte")
	tn.stage.Sign(t, consent.Change{Relay: &entry})
	tn.passes(time.Minute)
}

func TestNoAnswerTellsWhetherAWorkerExists(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	try := func(login, password, code string) Problem {
		return tn.stranger(t).call("POST", "/staff/sessions", map[string]any{"login": login, "password": password, "code": code}).refused(401, "sign-in")
	}
	unknown, err := vault.NewLogin()
	require.NoError(t, err)
	want := try(unknown, "x", "123456")
	require.Equal(t, want, try(at.helper.Login, "x", "123456"))
	require.Equal(t, want, try(amina.login, amina.password, ""), "a person's account is none of a worker's")
	tn.stranger(t).call("POST", "/sessions", map[string]any{"login": at.Manager.Login, "password": at.Manager.Password}).refused(401, "sign-in")
	tn.stranger(t).call("POST", "/staff/sessions", map[string]any{"login": at.Manager.Login, "password": at.Manager.Password}).refused(401, "second-factor")
	over, err := tn.stage.InviteManager(t.Context())
	require.NoError(t, err)
	tn.passes(8 * 24 * time.Hour)
	tn.stranger(t).call("POST", "/staff/accounts", map[string]any{
		"code": over.Code, "name": "N", "password": staffPassword, "notice": read("x"), "agreed": true,
	}).refused(403, "invitation")
}

func TestWorkersAreCountedApartFromPeople(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	tn := newTown(t, &townOptions{limits: session.LimitsConfig{StaffPerMinute: 6, SignInsPerMinute: 100, Now: func() time.Time { return now }}})
	unknown, err := vault.NewLogin()
	require.NoError(t, err)
	wrong := map[string]any{"login": unknown, "password": "x"}
	for range 3 {
		tn.stranger(t).call("POST", "/staff/sessions", wrong).refused(401, "sign-in")
	}
	held := tn.stranger(t).call("POST", "/staff/sessions", wrong)
	held.refused(429, "back-off")
	require.Equal(t, "10", held.Header.Get("Retry-After"))
	enrol := map[string]any{"code": "1234", "name": "N", "password": staffPassword, "notice": read("x"), "agreed": true}
	tn.stranger(t).call("POST", "/staff/accounts", enrol).refused(429, "back-off")
	tn.stranger(t).call("POST", "/sessions", wrong).refused(401, "sign-in")
	require.NotEqual(t, 429, tn.stranger(t).call("POST", "/sessions/card", map[string]any{"card": "x", "pin": "1"}).Status)
}

func TestRulesWishAndRepresentativesAreThePersonsOwn(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	require.Empty(t, ok[Rules](p.call("GET", "/rules", nil), 200).Kinds)
	p.call("PUT", "/rules", map[string]any{"kinds": map[string]any{"contact": "shared"}, "folders": map[string]any{"Logement": "shared"}}, "If-Match", "*").done(204)
	rules := ok[Rules](p.call("GET", "/rules", nil), 200)
	require.Equal(t, map[string]string{"contact": "shared"}, rules.Kinds)
	require.Equal(t, map[string]string{"Logement": "shared"}, rules.Folders)
	for _, kinds := range []map[string]any{{"contact": "public"}, {"contact": ""}, {"folder": "shared"}} {
		p.call("PUT", "/rules", map[string]any{"kinds": kinds, "folders": map[string]any{}}, "If-Match", "*").refused(422, "invalid")
	}
	contact := ok[Item](p.call("POST", "/contacts", map[string]any{"name": "Me Lambert", "contact": map[string]any{}}), 201)
	require.Equal(t, "shared", contact.Compartment)

	type wish struct{ Want string }
	require.Empty(t, ok[wish](p.call("GET", "/wish", nil), 200).Want)
	p.call("PUT", "/wish", map[string]any{"want": "burn"}, "If-Match", "*").refused(422, "invalid")
	ok[struct{}](p.call("PUT", "/wish", map[string]any{"want": "keep"}, "If-Match", "*"), 200)
	require.Equal(t, "keep", ok[wish](p.call("GET", "/wish", nil), 200).Want)
	ok[struct{}](p.call("DELETE", "/wish", nil, "If-Match", "*"), 200)
	require.Empty(t, ok[wish](p.call("GET", "/wish", nil), 200).Want)

	p.call("PUT", "/representatives", map[string]any{"name": "Mme B.", "relation": "tutrice", "recordedBy": "le juge", "until": "2090-01-02"}).done(204)
	all := ok[struct{ Representatives []Representative }](p.call("GET", "/representatives", nil), 200).Representatives
	require.Len(t, all, 1)
	require.Equal(t, "2090-01-02", all[0].Until)
	p.call("POST", "/representatives/remove", map[string]any{"name": "Mme C."}).refused(404, "not-found")
	p.call("POST", "/representatives/remove", map[string]any{"name": "Mme B."}).done(204)
}

func TestACardIsIssuedUsedAndRevoked(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	p := s.newPerson(t)
	state := func() string { return ok[struct{ State string }](p.call("GET", "/card", nil), 200).State }
	require.Equal(t, "none", state())
	p.call("DELETE", "/card", nil).refused(404, "not-found")
	secret := map[string]any{"password": goodPassword}
	p.call("POST", "/card", map[string]any{"pin": "123456", "secret": secret}).refused(422, "invalid")
	p.call("POST", "/card", map[string]any{"pin": "902741", "secret": map[string]any{"password": "non"}}).refused(401, "sign-in")
	card := ok[struct{ Code, Login string }](p.call("POST", "/card", map[string]any{"pin": "902741", "secret": secret}), 201)
	require.Equal(t, p.login, card.Login)
	require.Equal(t, "active", state())
	in := map[string]any{"card": card.Code, "pin": "902741", "device": "borne"}
	kiosk := p.as(ok[signedIn](s.stranger(t).call("POST", "/sessions/card", in), 201).Token)
	ok[struct{}](kiosk.call("GET", "/overview", nil), 200)
	ok[struct{}](p.call("DELETE", "/card", nil), 200)
	kiosk.call("GET", "/overview", nil).refused(401, "session-ended")
	s.stranger(t).call("POST", "/sessions/card", in).refused(401, "sign-in")
	require.Equal(t, "none", state())
}
