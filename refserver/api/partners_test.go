package api

import (
	"bytes"
	"encoding/json"
	"io"
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
