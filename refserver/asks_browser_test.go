package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/api/apiclient"
	"reconnect.example/vault"
)

// program is a partner's, on its own machine: it reaches the server over HTTP alone. What
// it does is what examples/partner does.
type program struct {
	tn     *town
	id     consent.PartnerID
	keys   consent.PartnerKeys
	client *apiclient.Client
	bearer apiclient.Editor
}

func (tn *town) program() *program {
	tn.Helper()
	keys, err := consent.NewPartnerKeys()
	require.NoError(tn, err)
	entry := consent.Partner{
		ID: vault.ID(consent.NewOrganisationID()), Organisation: tn.Organisation.ID, Name: "CAF du Rhône", Key: keys.Key(), Box: keys.Box(),
		Scopes: consent.PartnerScopes(), Kinds: []consent.PaperKind{consent.PaperIdentity}, Since: "2026-01-01",
	}
	tn.Sign(tn, consent.Change{Partner: &entry})
	office, err := tn.Service.Office(tn.Context(), entry.ID)
	require.NoError(tn, err)
	token, err := office.Enter(tn.Context(), "once", tn.Clock.Now().Add(time.Minute)) // examples/partner goes through /oauth/token
	require.NoError(tn, err)
	return &program{tn, entry.ID, keys, &apiclient.Client{Server: tn.url + "/api/v1"}, apiclient.Bearer(token.Token)}
}

func (p *program) asks(code string) apiclient.AskToken {
	p.tn.Helper()
	asked, err := p.client.AskPerson(p.tn.Context(), apiclient.AskPersonRequest{
		Code: code, Kinds: []string{"identity"}, Lasts: p.tn.Clock.Now().Add(14 * 24 * time.Hour),
		Purpose: apiclient.PartnerPurpose{Code: "benefits", Text: p.tn.writes("demande de logement")},
	}, p.bearer)
	require.NoError(p.tn, err)
	return asked.Value
}

// finds nothing, or what was presented: the names and the bytes.
func (p *program) finds(ask apiclient.AskToken) map[string][]byte {
	p.tn.Helper()
	taken, err := p.client.TakePresentation(p.tn.Context(), ask, p.bearer)
	var refused *apiclient.Problem
	if errors.As(err, &refused) {
		require.True(p.tn, strings.HasSuffix(refused.Type, "/no-answer"), refused.Type)
		return nil
	}
	require.NoError(p.tn, err)
	raw, err := json.Marshal(taken.Value)
	require.NoError(p.tn, err)
	var handed consent.Handed
	require.NoError(p.tn, json.Unmarshal(raw, &handed))
	papers, err := consent.OpenHanded(p.keys, p.id, p.tn.Stage.Stage.Stage.Vaults.PublicKey(), handed)
	require.NoError(p.tn, err)
	found := map[string][]byte{}
	for _, item := range papers.Items {
		sealed, err := p.client.TakeDocument(p.tn.Context(), apiclient.TakeDocumentRequest{Ask: ask.Ask, Item: item.ID.String()}, p.bearer)
		require.NoError(p.tn, err)
		plain, err := papers.Read(item.ID, bytes.NewReader(sealed.Value))
		require.NoError(p.tn, err)
		var content bytes.Buffer
		_, err = content.ReadFrom(plain)
		require.NoError(p.tn, err)
		found[item.Name] = content.Bytes()
	}
	return found
}

// A public body asks, over HTTP, by the code that the person reads out from their phone.
// They choose one of their papers, which its program takes and opens. What it asks next is
// refused, and looks to it as if nobody had looked.
func TestAPersonAnswersAPublicBodyInABrowser(t *testing.T) {
	t.Parallel()
	passes := []pass{frenchOnPhones}
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		passes = append(passes, pass{"Arabic on phones", "ar", oldPhone, newPhone})
	}
	w := openWindow(t)
	for _, p := range passes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, w, p)
			caf, amina := tn.program(), tn.amina("asked")
			for _, title := range []string{"Carte de séjour", "Bail"} {
				amina.goTo(tn.url + "/papers/add")
				amina.press(`input[name="visibility"][value="shared"]`)
				amina.photographs(tn.writes(title))
			}
			amina.goTo(tn.url + "/sharing")
			amina.tap(`="/asks"`, "nobody", "asks.title", "asks.nobody")
			amina.press(`form[action="/asks/code"] button`)
			amina.look("code", "asks.code", "asks.code-means")
			ask := caf.asks(amina.words()[0])
			amina.press(`a.main[href="/asks"]`)
			amina.look("asked", "CAF du Rhône", "asked-kind.identity", tn.writes("demande de logement"))
			amina.tap(`^="/asks/"`, "one", "asks.choose", "asks.refuse-means", tn.writes("Bail"))
			require.Nil(t, caf.finds(ask))
			amina.press(`label:has(bdi) input[name="items"]`) // the first
			amina.press(`input[name="agreed"]`)
			amina.write("#f-password", tn.Amina.Password)
			amina.press(`form:has(input[name="agreed"]) button.main`)
			amina.look("receipt", "done.presented", "consent-receipt.title", "CAF du Rhône")
			found := caf.finds(ask)
			require.Len(t, found, 1, "what was chosen, and nothing else")
			for _, content := range found {
				amina.isThePhoto(content)
			}

			amina.goTo(tn.url + "/asks")
			amina.look("out", "asks.out", "asks.back-means", "asks.nobody")
			amina.press(`form[action="/asks/code"] button`)
			amina.waitFor("asks.code-means")
			second := caf.asks(amina.words()[0])
			amina.goTo(tn.url + "/")
			amina.look("home", "asks.look")
			amina.tap(`="/asks"`, "asked-again", "CAF du Rhône")
			amina.press(`a.row[href^="/asks/"]`)
			amina.waitFor("asks.refuse-means")
			amina.press(`form[action$="/refuse"] button`)
			amina.look("refused", "done.ask-refused", "asks.nobody")
			require.Nil(t, caf.finds(second), "as if nobody had looked")
			amina.press(`form[action$="/end"] button`)
			amina.look("taken-back", "done.taken-back")
			require.Nil(t, caf.finds(ask))
			amina.goTo(tn.url + "/journal")
			amina.look("journal", "journal.act.partner.took", "journal.act.partner.refused")
			caf.leavesUntilBlocked(amina)
		})
	}
}
