package api

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// body is a public body with a program that asks for papers.
type body struct {
	consent.Partner
	keys consent.PartnerKeys
	tn   *town
	jti  int
}

func (tn *town) newBody(t *testing.T) *body {
	t.Helper()
	keys, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	b := &body{tn: tn, keys: keys, Partner: consent.Partner{
		ID: vault.ID(consent.NewOrganisationID()), Organisation: tn.stage.Organisation.ID, Name: "CAF", Key: keys.Key(), Box: keys.Box(),
		Scopes: consent.PartnerScopes(), Kinds: []consent.PaperKind{consent.PaperIdentity}, Since: "2026-01-01",
	}}
	tn.stage.Sign(t, consent.Change{Partner: &b.Partner})
	return b
}

// token is one of /oauth/token, which package oauth gives.
func (b *body) token(t *testing.T) string {
	t.Helper()
	o, err := b.tn.stage.Service.Office(t.Context(), b.ID)
	require.NoError(t, err)
	b.jti++
	token, err := o.Enter(t.Context(), strings.Repeat("j", b.jti), b.tn.stage.Clock.Now().Add(time.Minute))
	require.NoError(t, err)
	return token.Token
}

func (b *body) program(t *testing.T) *person { return b.tn.stranger(t).as(b.token(t)) }

// code is one of the person, as their pages make it.
func (b *body) code(t *testing.T, p *resident) string {
	t.Helper()
	c, err := b.tn.stage.Service.AskCode(t.Context(), p.vault)
	require.NoError(t, err)
	return c.Code
}

// presents answers what waits with one paper.
func (b *body) presents(t *testing.T, p *resident, item string) {
	t.Helper()
	all, err := b.tn.stage.Service.Asked(t.Context(), p.vault)
	require.NoError(t, err)
	id, err := vault.ParseItemID(item)
	require.NoError(t, err)
	_, err = b.tn.stage.Service.Present(t.Context(), p.vault, consent.NewPresentation{
		Ask: all[0].ID, Items: []vault.ItemID{id}, Until: all[0].Lasts, Agreed: true, Channel: "web",
		Notice: vault.Notice{Version: "1", Language: "fr", Text: "Une copie de ce que vous choisissez."},
	}, vault.Secret{Password: p.password})
	require.NoError(t, err)
}

// linked is a link to the person's file, to which they agreed.
func (b *body) linked(t *testing.T, p *resident) string {
	t.Helper()
	s, file := b.tn.stage.Service, consent.Traits{Number: "7", FamilyName: "Keïta", FirstName: "Amina", BirthDate: "1990-05-01"}
	blinded, err := consent.BlindTraits(file)
	require.NoError(t, err)
	office, err := s.Office(t.Context(), b.ID)
	require.NoError(t, err)
	before, err := s.Asked(t.Context(), p.vault)
	require.NoError(t, err)
	token, err := office.AskLink(t.Context(), b.code(t, p), consent.Purpose{Code: consent.PurposeBenefits, Text: "suivre votre dossier"}, blinded)
	require.NoError(t, err)
	all, err := s.Asked(t.Context(), p.vault)
	require.NoError(t, err)
	all = slices.DeleteFunc(all, func(a consent.Asked) bool {
		return slices.ContainsFunc(before, func(b consent.Asked) bool { return b.ID == a.ID })
	})
	require.Len(t, all, 1)
	require.NoError(t, s.AgreeLink(t.Context(), p.vault, all[0].ID, file))
	link, err := office.Link(t.Context(), token)
	require.NoError(t, err)
	return link
}

func (b *body) asking(code string) map[string]any {
	return map[string]any{"code": code, "kinds": []string{"identity"}, "lasts": b.tn.stage.Clock.Now().Add(48 * time.Hour), "purpose": map[string]any{"code": "benefits", "text": "ouvrir votre droit à l'aide au logement"}}
}

func TestAPartnerAsksAndFetchesOverTheAPI(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, amina := tn.newBody(t), tn.resident(t)
	card := ok[Item](amina.upload("Carte", paper(1, 100_000), headerCompartment, "shared"), 201)
	program := caf.program(t)
	about := ok[PartnerSelf](program.call("GET", "/partner", nil), 200)
	require.Equal(t, []string{"identity"}, about.Kinds)

	code := caf.code(t, amina)
	ask := ok[AskToken](program.call("POST", "/partner/asks", caf.asking(code)), 201)
	program.call("POST", "/partner/asks", caf.asking(code)).refused(404, "ask-code")
	program.call("POST", "/partner/presentations", ask).refused(404, "no-answer")
	program.call("POST", "/partner/links", ask).refused(404, "no-answer")
	caf.presents(t, amina, card.ID)

	a := program.call("POST", "/partner/presentations", ask)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	var h consent.Handed
	require.NoError(t, json.Unmarshal(a.Body, &h))
	papers, err := consent.OpenHanded(caf.keys, caf.ID, tn.stage.Stage.Vaults.PublicKey(), h)
	require.NoError(t, err)
	require.Equal(t, "Carte", papers.Items[0].Name)
	a = program.call("POST", "/partner/presentations/documents", map[string]any{"ask": ask.Ask, "item": card.ID})
	require.Equal(t, 200, a.Status)
	require.NotContains(t, string(a.Body), string(paper(1, 100_000)[:64]), "sealed")
	plain, err := papers.Read(papers.Items[0].ID, bytes.NewReader(a.Body))
	require.NoError(t, err)
	content, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.Equal(t, paper(1, 100_000), content)
	program.call("POST", "/partner/presentations/documents", map[string]any{"ask": ask.Ask, "item": "none"}).refused(404, "no-answer")

	other := tn.newBody(t).program(t)
	other.call("POST", "/partner/presentations", ask).refused(404, "no-answer")
	now, err := tn.stage.Service.Presentations(t.Context(), amina.vault)
	require.NoError(t, err)
	_, err = tn.stage.Service.Withdraw(t.Context(), amina.vault, now[0].Grant, nil)
	require.NoError(t, err)
	program.call("POST", "/partner/presentations", ask).refused(404, "no-answer")
}

// What a person does at their telephone, over the API, with nobody beside them.
func TestAPersonAnswersAPartnerOverTheAPI(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, amina := tn.newBody(t), tn.resident(t)
	card := ok[Item](amina.upload("Carte", paper(1, 1000), headerCompartment, "shared"), 201)
	letter := ok[Item](amina.upload("Lettre", paper(2, 1000)), 201) // private
	program := caf.program(t)
	asks := func() (AskToken, Asked) {
		code := ok[AskCode](amina.call("POST", "/asks/code", nil), 201)
		require.Equal(t, "reconnect:ask:"+strings.ReplaceAll(code.Code, " ", ""), code.QR)
		token := ok[AskToken](program.call("POST", "/partner/asks", caf.asking(code.Code)), 201)
		return token, ok[struct{ Asks []Asked }](amina.call("GET", "/asks", nil), 200).Asks[0]
	}
	token, ask := asks()
	require.Equal(t, "CAF", ask.Name)
	require.Equal(t, []string{"identity"}, ask.Kinds)
	require.Equal(t, "ouvrir votre droit à l'aide au logement", ask.Purpose.Text)
	with := func(until time.Time, password string, items ...string) map[string]any {
		return map[string]any{"notice": read("Une copie."), "agreed": true, "items": items, "until": until, "secret": map[string]any{"password": password}}
	}
	soon := tn.stage.Clock.Now().Add(time.Hour)
	present := "/asks/" + ask.Ask + "/present"
	amina.call("POST", present, with(soon, amina.password, letter.ID)).refused(422, "invalid")
	amina.call("POST", present, with(ask.Lasts.Add(time.Hour), amina.password, card.ID)).refused(422, "invalid")
	amina.call("POST", present, with(soon, "wrong password", card.ID)).refused(401, "sign-in")
	program.call("POST", "/partner/presentations", token).refused(404, "no-answer")
	tn.resident(t).call("POST", present, with(soon, amina.password, card.ID)).refused(404, "not-found")

	receipt := ok[struct {
		Receipt struct {
			Record string `json:"record_id"`
		}
		Confirmed bool
	}](amina.call("POST", present, with(soon, amina.password, card.ID)), 201)
	require.True(t, receipt.Confirmed)
	out := ok[struct{ Presentations []Presented }](amina.call("GET", "/presentations", nil), 200).Presentations
	require.Len(t, out, 1)
	require.Equal(t, []string{card.ID}, out[0].Items)
	require.Equal(t, receipt.Receipt.Record, out[0].Receipt)
	require.True(t, out[0].InForce)
	ok[Handed](program.call("POST", "/partner/presentations", token), 200)
	ok[struct{}](amina.call("DELETE", "/presentations/"+out[0].Grant, nil), 200)
	program.call("POST", "/partner/presentations", token).refused(404, "no-answer")

	token, ask = asks()
	require.Equal(t, 204, amina.call("POST", "/asks/"+ask.Ask+"/refuse", nil).Status)
	amina.call("POST", "/asks/"+ask.Ask+"/refuse", nil).refused(404, "not-found")
	program.call("POST", "/partner/presentations", token).refused(404, "no-answer")
}

// The success path of everything about links, and of who is blocked.
func TestALinkIsMadeAskedByAndEndedOverTheAPI(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, amina := tn.newBody(t), tn.resident(t)
	program := caf.program(t)
	file := map[string]any{"number": "75-1234", "familyName": "KEITA", "firstName": "Amina", "birthDate": "1990-05-01"}
	blinded, err := consent.BlindTraits(consent.Traits{Number: "75 1234", FamilyName: "Keïta", FirstName: "AMINA", BirthDate: "1990-05-01"})
	require.NoError(t, err)
	asking := caf.asking(caf.code(t, amina))
	token := ok[AskToken](program.call("POST", "/partner/link-asks", map[string]any{"code": asking["code"], "purpose": asking["purpose"], "salt": blinded.Salt[:], "digest": blinded.Digest[:]}), 201)
	waits := func() []Asked { return ok[struct{ Asks []Asked }](amina.call("GET", "/asks", nil), 200).Asks }
	known := func() []KnownPartner {
		return ok[struct{ Partners []KnownPartner }](amina.call("GET", "/partners", nil), 200).Partners
	}
	ask := waits()[0]
	require.True(t, ask.Link)
	require.Equal(t, 5, ask.TriesLeft)
	agree := "/asks/" + ask.Ask + "/link"
	amina.call("POST", agree, map[string]any{"number": "75-1235", "familyName": "KEITA", "firstName": "Amina", "birthDate": "1990-05-01"}).refused(422, "traits")
	require.Equal(t, 4, waits()[0].TriesLeft)
	program.call("POST", "/partner/links", token).refused(404, "no-answer")
	require.Equal(t, 204, amina.call("POST", agree, file).Status)
	require.Empty(t, waits())
	require.Equal(t, "75-1234", known()[0].Links[0].Number)
	require.Equal(t, "CAF", known()[0].Name)

	link := ok[LinkToken](program.call("POST", "/partner/links", token), 200)
	again := caf.asking("")
	delete(again, "code")
	again["link"] = link.Link
	ok[AskToken](program.call("POST", "/partner/linked-asks", again), 201)
	require.False(t, waits()[0].Link)
	at := "/partners/" + caf.ID.String()
	require.Equal(t, 204, amina.call("POST", at+"/block", nil).Status)
	require.Empty(t, waits(), "who is blocked reaches nobody")
	require.True(t, known()[0].Blocked)
	require.Equal(t, 204, amina.call("DELETE", at+"/block", nil).Status)
	require.Len(t, waits(), 1)
	require.Equal(t, 204, amina.call("DELETE", at+"/links", nil).Status)
	require.Empty(t, known())
	program.call("POST", "/partner/linked-asks", again).refused(404, "not-found")
	require.Equal(t, 204, program.call("POST", "/partner/links/end", link).Status)
	amina.call("POST", "/partners/"+vault.ID(consent.NewOrganisationID()).String()+"/block", nil).refused(404, "not-named")
}

// Papers and messages come from a partner only while the person lets it, and it learns only
// whether they were taken.
func TestAPartnerLeavesPapersOverTheAPI(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, amina := tn.newBody(t), tn.resident(t)
	program, at := caf.program(t), "/partners/"+caf.ID.String()
	amina.call("POST", at+"/deposits", nil).refused(404, "not-found")
	link := caf.linked(t, amina)
	note := map[string]any{"link": link, "name": "Rendez-vous", "text": "Lundi 9 h"}
	document := func(p *person, content []byte) *reply {
		body, kind := formLeft(t, "link", link, "Notification de droits", content)
		return p.send("POST", "/partner/deposits/documents", body, "Content-Type", kind)
	}
	known := func() KnownPartner {
		return ok[struct{ Partners []KnownPartner }](amina.call("GET", "/partners", nil), 200).Partners[0]
	}
	program.call("POST", "/partner/deposits/notes", note).refused(403, "not-taken")
	document(program, pdf()).refused(403, "not-taken")
	require.False(t, known().Leaves)

	amina.call("POST", at+"/deposits", nil).done(204)
	require.True(t, known().Leaves)
	program.call("POST", "/partner/deposits/notes", note).done(204)
	document(program, pdf()).done(204)
	document(program, []byte("\x7fELF\x02\x01\x01\x00")).refused(422, "invalid")
	program.send("POST", "/partner/deposits/documents", bytes.NewReader(pdf()), "Content-Type", "application/pdf").refused(415, "media-type")
	document(tn.stranger(t), pdf()).refused(401, "session-ended")
	document(tn.newBody(t).program(t), pdf()).refused(403, "not-taken")
	left := ok[struct{ Deposits []Deposit }](amina.call("GET", "/deposits", nil), 200).Deposits
	require.Len(t, left, 2)
	require.Equal(t, "CAF", left[0].By.Name)

	amina.call("DELETE", at+"/deposits", nil).done(204)
	require.False(t, known().Leaves)
	document(program, pdf()).refused(403, "not-taken")
	tn.stage.Sign(t, consent.Change{WithdrawPartner: &caf.ID, On: "2026-03-02"})
	program.call("POST", "/partner/deposits/notes", note).refused(403, "ended")
}

func TestATokenOfAPartnerOpensNothingElse(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, amina := tn.newBody(t), tn.resident(t)
	program := caf.program(t)
	for _, path := range []string{"/items", "/journal", "/export", "/relays", "/staff/opened"} {
		require.Equal(t, 401, program.call("GET", path, nil).Status, path)
	}
	amina.call("GET", "/partner", nil).refused(401, "session-ended")
	tn.stranger(t).call("GET", "/partner", nil).refused(401, "session-ended")
	tn.stage.Sign(t, consent.Change{WithdrawPartner: &caf.ID, On: "2026-03-02"})
	program.call("GET", "/partner", nil).refused(403, "ended")
}

func TestAPartnerThatAsksTooMuchWaits(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &townOptions{limits: session.LimitsConfig{PartnerPerSecond: 1}})
	caf := tn.newBody(t)
	program, other := caf.program(t), tn.newBody(t).program(t)
	last := 200
	for n := 0; last == 200 && n < 100; n++ {
		last = program.call("GET", "/partner", nil).Status
	}
	require.Equal(t, 429, last)
	require.Equal(t, 200, other.call("GET", "/partner", nil).Status, "one partner does not keep another out")
}
