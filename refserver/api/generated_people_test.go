package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cast are the callers of generated requests: a person whom a relay follows, somebody
// who works there and has that person's space open, who manages it, an agent of a desk,
// who goes on alone with number and code, and nobody.
type cast struct {
	*helped
	t      *testing.T
	person map[string]*person
	types  map[string]map[string]any // what each of them would type
	fits   map[string]map[string]any // what fits one operation alone
	known  map[string][]string
	bridge *relay      // follows nobody
	body   *body       // a partner system
	phone  *letterbox  // of everybody
	shown  string      // code of a worker there, for visits
	gone   []*resident // people who were signed in before
	lost   map[string]int
}

func newCast(t *testing.T) *cast {
	t.Helper()
	phone := &letterbox{}
	c := &cast{t: t, helped: helpedOver(t, &townOptions{recovery: independently, messenger: phone}), phone: phone, person: map[string]*person{}, types: map[string]map[string]any{}, fits: map[string]map[string]any{}, known: map[string][]string{}, lost: map[string]int{}}
	c.bridge = c.relay(t, "Bridge")
	c.know("relay", c.bridge.id)
	c.shown = ok[struct{ Code string }](c.bridge.worker.call("GET", "/staff/relays/"+c.bridge.id+"/visit-code", nil), 200).Code
	c.fits["look-at-visit-code"] = map[string]any{"code": c.shown}
	c.person["nobody"] = c.stranger(t)
	c.types["nobody"] = map[string]any{}
	c.body = c.newBody(t)
	c.person["partner"] = c.stranger(t)
	c.types["partner"] = map[string]any{"purpose": map[string]any{"code": "benefits", "text": "ouvrir vos droits"}, "kinds": []any{"identity"}, "salt": make([]byte, 16), "digest": make([]byte, 32)}
	c.staffed()
	c.settle()
	return c
}

// hire founds another relay, or another desk.
func (c *cast) hire(desk bool) {
	if desk {
		c.line = &house{relay: c.peopled(c.t, c.stage.Desk(c.t, "Line again", c.stage.Organisation)), tn: c.town}
	} else {
		c.harbour = &house{relay: c.peopled(c.t, c.stage.Relay(c.t, "Harbour again")), tn: c.town}
	}
	c.staffed()
}

// staffed signs in who works for the relay and the desk.
func (c *cast) staffed() {
	for role, at := range map[string]*house{"worker": c.harbour, "desk": c.line} {
		c.person[role] = at.worker
		c.types[role] = staffTypes(at.helper.Password, at.helper.Login)
		c.know("relay", at.id)
		c.know("worker", at.helper.ID().String())
	}
	c.fits["staff-sign-in"] = map[string]any{"login": c.harbour.helper.Login, "password": c.harbour.helper.Password, "code": c.harbour.helper.Code()}
	c.person["manager"] = c.harbour.manager
	c.types["manager"] = staffTypes(c.harbour.Manager.Password, c.harbour.Manager.Login)
}

func staffTypes(password, login string) map[string]any {
	return map[string]any{"secret": map[string]any{"password": password}, "password": password, "old": password, "login": login}
}

// settle moves a person in, who has something of everything.
func (c *cast) settle() {
	p := c.amina
	if !c.back("worker") {
		c.hire(false)
	}
	if c.person["person"] != nil {
		c.gone = append(c.gone, p)
		p = c.resident(c.t)
		p.follow(c.harbour.relay)
	}
	c.amina = p
	c.person["person"] = p.person
	c.types["person"] = map[string]any{"secret": p.secret(), "password": p.password, "old": p.password, "login": p.login, "new": p.password}
	c.know("vault", p.id)
	c.know("grant", p.followers()[0].Grant)
	c.know("password", p.password)
	c.know("login", p.login)
	for i, side := range []string{"private", "shared", "shared"} {
		c.know("item", ok[Item](p.upload("Papier", paper(byte(i), 2000+i), headerCompartment, side), 201).ID)
	}
	c.know("folder", ok[Item](p.call("POST", "/folders", map[string]any{"name": "Santé", "compartment": "shared"}), 201).ID)
	c.know("item", ok[Item](p.call("POST", "/notes", map[string]any{"name": "n", "note": map[string]any{"text": "x"}}), 201).ID)
	print := ok[made](p.prepares(map[string]any{"sheet": map[string]any{"private": true}}), 201)
	if c.harbour.opens(p.id).Status != http.StatusOK { // who works there may only manage by now
		c.hire(false)
		p.follow(c.harbour.relay)
		ok[Opened](c.harbour.opens(p.id), 200)
	}
	c.harbour.person[0] = c.harbour.worker
	o := c.harbour.opensFor(c.t, p.id, "sheet-relay")
	c.fits["enter-hand-over"] = map[string]any{"number": o.Number, "code": o.Code}
	c.fits["complete-hand-over"] = map[string]any{"sheet": print.Sheet.Code, "password": newPassword}
	card := ok[struct{ Code string }](p.call("POST", "/card", map[string]any{"pin": "902741", "secret": p.secret()}), 201)
	c.fits["sign-in-with-card"] = map[string]any{"card": card.Code, "pin": "902741"}
	reached := map[string]any{"channel": "sms", "address": fmt.Sprintf("+336123456%02d", len(c.gone)), "language": "fr", "zone": "Europe/Paris", "notice": read("x"), "agreed": true}
	p.call("POST", "/reminders/code", reached).done(http.StatusNoContent)
	c.fits["ask-reminders"] = reached
	c.fits["begin-reminders"] = map[string]any{"code": c.phone.last().Code}
	c.fits["new-card"] = map[string]any{"pin": "482915"}
	c.fits["find-helped"] = map[string]any{"login": p.login}
	agreed := map[string]any{"notice": read("x"), "agreed": true, "name": "Amina K.", "secret": p.secret()}
	with := func(more map[string]any) map[string]any {
		maps.Copy(more, agreed)
		return map[string]any{"*": more}
	}
	c.fits["edit-item"] = map[string]any{"*": map[string]any{"name": "Autre"}}
	c.fits["attest"] = map[string]any{"*": map[string]any{"kind": "passport", "held": true}}
	c.fits["open-person"] = map[string]any{"*": map[string]any{"relay": c.harbour.id, "vault": p.id, "purpose": housing}}
	c.fits["open-account"] = map[string]any{"*": newAccount()}
	c.fits["follow"] = with(map[string]any{"relay": c.bridge.id, "scope": "see"})
	c.fits["visit"] = with(map[string]any{"code": c.shown, "minutes": 30})
	c.fits["open-request"] = map[string]any{"*": map[string]any{"path": o.Request.Path, "recognised": "known for years"}}
	c.fits["withdraw-with-new-keys"] = map[string]any{"*": map[string]any{"secret": p.secret()}}
	c.fits["sign-in"] = map[string]any{"login": p.login, "password": p.password}
	c.links(p)
	c.asks(p)
	c.know("request", o.Request.ID)
	c.know("path", o.Request.Path)
	c.types["handOver"] = map[string]any{"number": o.Number, "code": o.Code}
	c.person["handOver"] = c.stranger(c.t).as(ok[entered](c.enters(c.t, o), 201).Token)
}

// links makes links of both kinds, for whoever has their codes.
func (c *cast) links(p *resident) {
	deposit := ok[Link](p.call("POST", "/links", map[string]any{"kind": "deposit", "label": "Hôpital"}), 201)
	paper := ok[Item](p.upload("Carte", paper(8, 900)), 201)
	read := map[string]any{"kind": "paper", "label": "Guichet", "item": paper.ID, "times": 500, "secret": p.secret()}
	made := ok[Link](p.call("POST", "/links", read), 201)
	c.know("link", deposit.ID)
	c.know("link", made.ID)
	c.fits["make-link"] = map[string]any{"*": read}
	c.fits["look-at-link"] = map[string]any{"code": made.Code}
	c.fits["leave-note-by-link"] = map[string]any{"code": deposit.Code}
	c.fits["leave-by-link"] = map[string]any{"code": deposit.Code, "name": "Ordonnance"}
	c.fits["open-link"] = map[string]any{"code": made.Code}
}

// asks lets the partner ask the person again, who presents a paper and agrees to nothing else.
func (c *cast) asks(p *resident) {
	c.back("partner")
	asking := map[string]any{"purpose": c.types["partner"]["purpose"], "kinds": []any{"identity"}, "lasts": c.stage.Clock.Now().Add(48 * time.Hour)}
	asking["code"] = c.body.code(c.t, p)
	ask := ok[AskToken](c.person["partner"].call("POST", "/partner/asks", asking), 201).Ask
	paper := ok[Item](p.upload("Carte", paper(9, 900), headerCompartment, "shared"), 201)
	c.body.presents(c.t, p, paper.ID)
	c.fits["take-presentation"] = map[string]any{"ask": ask}
	c.fits["read-link"] = map[string]any{"ask": ask}
	c.fits["take-document"] = map[string]any{"ask": ask, "item": paper.ID}
	c.known["ask"] = nil
	for range 3 { // to be refused, to be presented for, and one that stays
		asking["code"] = c.body.code(c.t, p)
		ok[AskToken](c.person["partner"].call("POST", "/partner/asks", asking), 201)
	}
	linking := map[string]any{"code": c.body.code(c.t, p), "purpose": asking["purpose"], "salt": make([]byte, 16), "digest": make([]byte, 32)}
	ok[AskToken](c.person["partner"].call("POST", "/partner/link-asks", linking), 201)
	for _, one := range ok[struct{ Asks []Asked }](p.call("GET", "/asks", nil), 200).Asks {
		c.know("ask", one.Ask)
	}
	c.know("partner", c.body.ID.String())
	c.lets(p)
	c.fits["present"] = map[string]any{"*": map[string]any{"notice": read("x"), "agreed": true, "items": []any{paper.ID}, "until": c.stage.Clock.Now().Add(time.Hour), "secret": p.secret()}}
	c.fits["agree-to-link"] = map[string]any{"*": map[string]any{"number": "1", "familyName": "K", "firstName": "Amina", "birthDate": "1990-01-01"}}
	again := maps.Clone(asking)
	again["code"] = c.body.code(c.t, p)
	c.fits["ask-person"] = map[string]any{"*": again}
}

// lets has the partner link a file of the person, who lets it leave something.
func (c *cast) lets(p *resident) {
	s := c.stage.Service
	now, err := s.LeavingPartners(c.t.Context(), p.vault)
	require.NoError(c.t, err)
	if len(now) > 0 && c.known["link-of-partner"] != nil {
		return
	}
	link := c.body.linked(c.t, p)
	require.NoError(c.t, s.LetLeave(c.t.Context(), p.vault, c.body.ID))
	c.fits["leave-note-as-partner"] = map[string]any{"link": link, "name": "CAF", "text": "Lundi 9 h"}
	c.fits["leave-document-as-partner"] = map[string]any{"link": link, "name": "Notification"}
	c.known["link-of-partner"] = []string{link}
}

func (c *cast) know(name, value string) {
	c.known[name] = append(c.known[name], value)
	if name == "item" {
		c.known["after"] = c.known[name]
	}
}

// renew brings a caller back whose session or place is gone.
func (c *cast) renew(role string, a *reply) {
	var p Problem
	if json.Unmarshal(a.Body, &p) != nil || a.Status < 400 {
		return
	}
	code := strings.TrimPrefix(p.Type, "https://reconnect.example/problems/")
	switch code {
	case "back-off":
		c.passes(3 * time.Minute)
		c.lost[role]++
	case "session-ended", "locked", "hand-over-ended", "recovery-over", "closing", "not-member", "key-changed", "no-second-factor", "tries-spent":
		c.lost[role] += 3
	case "nothing-open", "ended", "not-manager":
		c.lost[role]++
	}
	if c.lost[role] < 6 || role == "nobody" {
		return
	}
	clear(c.lost)
	if c.back(role) {
		return
	}
	if role == "worker" || role == "manager" || role == "desk" {
		c.hire(role == "desk")
	}
	c.settle()
}

// back signs a caller in again, and reports whether they are where they were.
func (c *cast) back(role string) bool {
	switch role {
	case "person":
		a := c.signsIn(c.t, c.amina.login, c.amina.password)
		if a.Status != http.StatusCreated {
			return false
		}
		c.person[role].token = ok[signedIn](a, 201).Token
		return c.person[role].call("POST", "/notes", map[string]any{"name": "n", "note": map[string]any{"text": "x"}}).Status == http.StatusCreated
	case "handOver":
		return false
	case "partner":
		c.person[role].token = c.body.token(c.t)
		return true
	}
	w, at := c.harbour.helper, c.harbour
	if role == "manager" {
		w = c.harbour.Manager
	}
	if role == "desk" {
		w, at = c.line.helper, c.line
	}
	a := c.stranger(c.t).call("POST", "/staff/sessions", map[string]any{"login": w.Login, "password": w.Password, "code": w.Code()})
	if a.Status != http.StatusCreated {
		return false
	}
	c.person[role].token = ok[signedIn](a, 201).Token
	if c.person[role].call("GET", at.at("/counts"), nil).Status != http.StatusOK {
		return false
	}
	if role == "worker" {
		c.harbour.opens(c.amina.id)
	}
	return true
}

// harvest remembers what an answer names.
func (c *cast) harvest(a *reply) {
	if a.Status >= 300 {
		return
	}
	for _, kind := range []string{"items", "uploads"} {
		if _, id, found := strings.Cut(a.Header.Get("Location"), "/"+kind+"/"); found {
			c.know(strings.TrimSuffix(kind, "s"), id)
		}
	}
	var v any
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") && json.Unmarshal(a.Body, &v) == nil {
		c.collect("", v)
	}
}

// listed are the members that name what they list by "id".
var listedIDs = map[string]string{
	"items": "item", "sessions": "session", "relays": "relay", "people": "vault", "drafts": "draft", "requests": "request", "links": "link", "request": "request", "paths": "path",
}

func (c *cast) collect(in string, v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			c.collect(in, one)
		}
	case map[string]any:
		for name, one := range v {
			text, is := one.(string)
			switch {
			case !is:
				c.collect(name, one)
			case name == "id" && listedIDs[in] != "":
				c.know(listedIDs[in], text)
			case name == "record_id":
				c.know("receipt", text)
			case name == "code" || name == "number" || name == "grant" || name == "path" || name == "worker" || name == "vault" || name == "fingerprint" || name == "card" || name == "token" && strings.Count(text, ".") == 2:
				c.know(name, text)
			}
		}
	}
}

// dice are those of one request of a caller.
func (c *cast) dice(r *rand.Rand, role string) *dice {
	fixed := map[string]any{"notice": read("Ce que nous gardons."), "agreed": true, "zone": "Europe/Paris", "purpose": housing, "language": "fr"}
	for name, v := range c.types[role] {
		fixed[name] = v
	}
	return &dice{Rand: r, known: c.known, fixed: fixed}
}

// whole holds that nothing of a person who can still sign in is lost, altered or
// reserved, and that their journal and their export are complete.
func (c *cast) whole(r *resident) {
	c.t.Helper()
	a := c.signsIn(c.t, r.login, r.password)
	if a.Status != http.StatusCreated { // erased, or with another password
		return
	}
	p := r.as(ok[signedIn](a, 201).Token)
	list := ok[listed](p.call("GET", "/items?limit=1000", nil), 200)
	require.Empty(c.t, list.Altered)
	for _, item := range list.Items {
		if item.Document != nil {
			require.True(c.t, ok[Control](p.call("GET", "/documents/"+item.ID+"/control", nil), 200).Intact)
		}
	}
	for before := "0"; before != ""; {
		page := ok[struct{ Next json.Number }](p.call("GET", "/journal?limit=1000&before="+before, nil), 200)
		before = page.Next.String()
	}
	export := p.call("GET", "/export", nil)
	require.Equal(c.t, 200, export.Status)
	require.Contains(c.t, string(export.Body), "manifest")
	space := ok[Space](p.call("GET", "/usage", nil), 200)
	require.Equal(c.t, space.Limit, space.Used+space.Reserved+space.Left)
}
