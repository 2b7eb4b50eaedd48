package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testfiles"
	"reconnect.example/refserver/api"
	"reconnect.example/refserver/oauth"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// served is a reference server with a partner.
func served(t *testing.T) (*consenttest.Stage, partner) {
	t.Helper()
	stage := consenttest.New(t, nil)
	keys, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	entry := consent.Partner{
		ID: vault.ID(consent.NewOrganisationID()), Organisation: stage.Organisation.ID, Name: "CAF", Key: keys.Key(), Box: keys.Box(),
		Scopes: consent.PartnerScopes(), Kinds: []consent.PaperKind{consent.PaperIdentity}, Since: "2026-01-01",
	}
	stage.Sign(t, consent.Change{Partner: &entry})
	limits := session.NewLimits(session.LimitsConfig{})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	programs, err := api.New(api.Config{Vaults: stage.Stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Limits: limits})
	require.NoError(t, err)
	tokens, err := oauth.New(oauth.Config{Staff: stage.Service, Limits: limits, Address: server.URL, Now: stage.Clock.Now})
	require.NoError(t, err)
	mux.Handle(api.Path+"/", programs)
	mux.Handle(oauth.Path, tokens)
	return stage, partner{Server: server.URL, ID: entry.ID, Keys: keys, Service: stage.Stage.Vaults.PublicKey(), HTTP: server.Client(), Now: stage.Clock.Now}
}

// answers is the person at their telephone, while the program waits.
func answers(t *testing.T, stage *consenttest.Stage, p *vaulttest.Person, with vault.ItemID) {
	t.Helper()
	asked, err := stage.Service.Asked(t.Context(), p.Vault)
	require.NoError(t, err)
	require.Equal(t, "CAF", asked[0].Name)
	_, err = stage.Service.Present(t.Context(), p.Vault, consent.NewPresentation{
		Ask: asked[0].ID, Items: []vault.ItemID{with}, Until: asked[0].Lasts, Agreed: true, Channel: "web",
		Notice: vault.Notice{Version: "1", Language: "fr", Text: "Une copie de ce que vous choisissez."},
	}, vault.Secret{Password: p.Password})
	require.NoError(t, err)
}

func TestExampleAsksWaitsAndOpensWhatWasPresented(t *testing.T) {
	t.Parallel()
	stage, program := served(t)
	person := stage.Person(t)
	keep := func(name string) vault.Item {
		it, err := person.Vault.AddDocument(t.Context(), vault.NewDocument{Name: name, Compartment: vault.Shared}, strings.NewReader("the bytes of "+name))
		require.NoError(t, err)
		return it
	}
	card := keep("Card")
	keep("Letter")
	code, err := stage.Service.AskCode(t.Context(), person.Vault)
	require.NoError(t, err)
	program.Wait = func(context.Context) error {
		stage.Clock.Advance(consent.PartnerTokenLasts)
		answers(t, stage, person, card.ID)
		return nil
	}
	var out bytes.Buffer
	require.NoError(t, program.run(t.Context(), code.Code, &out))
	require.Equal(t, "no answer\nCard: the bytes of Card\n", out.String(), "what was chosen, and nothing else")

	gone := errors.New("the person did not look")
	code, err = stage.Service.AskCode(t.Context(), person.Vault)
	require.NoError(t, err)
	program.Wait = func(context.Context) error { return gone }
	require.ErrorIs(t, program.run(t.Context(), code.Code, &out), gone)
	other, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	program.Keys = other
	require.ErrorContains(t, program.run(t.Context(), code.Code, &out), "invalid_client")
}

func TestExampleLeavesAPaperWhichThePersonKeeps(t *testing.T) {
	t.Parallel()
	stage, program := served(t)
	person := stage.Person(t)
	link := linked(t, stage, program, person)
	paper := filepath.Join(t.TempDir(), "Notification de droits.pdf")
	require.NoError(t, os.WriteFile(paper, testfiles.Letter().Bytes(), 0o600))
	require.NoError(t, program.leave(t.Context(), link, paper))

	left, err := person.Vault.Deposits(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "CAF", left[0].By.Name)
	_, err = person.Vault.TakeIn(t.Context())
	require.NoError(t, err)
	require.NoError(t, person.Vault.KeepLeft(t.Context()))
	kept, err := person.Vault.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, "Notification de droits.pdf", kept[0].Name)
	content, err := person.Vault.ReadDocument(t.Context(), kept[0].ID)
	require.NoError(t, err)
	whole, err := io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, testfiles.Letter().Bytes(), whole)

	require.NoError(t, stage.Service.StopLeaving(t.Context(), person.Vault, program.ID))
	require.ErrorContains(t, program.leave(t.Context(), link, paper), "not-taken")
}
