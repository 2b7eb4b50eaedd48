package consent_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// body is a public body with a program that may ask for papers.
type body struct {
	consent.Partner
	keys consent.PartnerKeys
}

func (tn *town) newBody(t testing.TB, name string) *body {
	t.Helper()
	keys, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	b := &body{keys: keys, Partner: consent.Partner{
		ID: randomID(), Organisation: tn.Organisation.ID, Name: name, Contact: "aide@caf.example", Key: keys.Key(), Box: keys.Box(),
		Scopes: consent.PartnerScopes(), Kinds: []consent.PaperKind{consent.PaperIdentity, consent.PaperIncome}, Since: "2026-01-01",
	}}
	tn.publish(t, consent.Change{Partner: &b.Partner})
	return b
}

func (tn *town) office(t testing.TB, b *body) *consent.Office {
	t.Helper()
	o, err := tn.service.Office(t.Context(), b.ID)
	require.NoError(t, err)
	return o
}

var housingAid = consent.Purpose{Code: consent.PurposeBenefits, Text: "ouvrir votre droit à l'aide au logement"}

func (tn *town) newAsk() consent.NewAsk {
	return consent.NewAsk{Kinds: []consent.PaperKind{consent.PaperIdentity}, Purpose: housingAid, Lasts: tn.Clock.Now().Add(30 * 24 * time.Hour)}
}

// asked gives a partner a code of Amina's, by which it asks.
func (tn *town) asked(t testing.TB, b *body) (token string) {
	t.Helper()
	code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	token, err = tn.office(t, b).Ask(t.Context(), code.Code, tn.newAsk())
	require.NoError(t, err)
	return token
}

// waiting is the one request that waits for Amina.
func (tn *town) waiting(t testing.TB) consent.Asked {
	t.Helper()
	all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func (tn *town) presentation(ask consent.Asked, items ...vault.ItemID) consent.NewPresentation {
	return consent.NewPresentation{Ask: ask.ID, Items: items, Until: tn.Clock.Now().Add(7 * 24 * time.Hour), Notice: testNotice, Agreed: true, Channel: "web"}
}

// presented is a request that Amina answered with these papers.
func (tn *town) presented(t testing.TB, b *body, items ...vault.ItemID) (token string) {
	t.Helper()
	token = tn.asked(t, b)
	r, err := tn.service.Present(t.Context(), tn.amina.Vault, tn.presentation(tn.waiting(t), items...), tn.secret())
	require.NoError(t, err)
	require.NoError(t, r.Verify(tn.PublicKey()))
	return token
}

// fetched is what a partner's own program makes of what it was handed.
func (tn *town) fetched(t testing.TB, b *body, token string) (map[string]string, error) {
	t.Helper()
	office := tn.office(t, b)
	h, err := office.Take(t.Context(), token)
	if err != nil {
		return nil, err
	}
	papers, err := consent.OpenHanded(b.keys, b.ID, tn.PublicKey(), h)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, it := range papers.Items {
		sealed, err := office.TakeDocument(t.Context(), token, it.ID)
		if err != nil {
			return nil, err
		}
		plain, err := papers.Read(it.ID, sealed)
		require.NoError(t, err)
		text, err := io.ReadAll(plain)
		if err != nil {
			return nil, err
		}
		require.NoError(t, sealed.Close())
		out[it.Name] = string(text)
	}
	return out, nil
}

func TestAPartnerAsksAndIsGivenWhatThePersonChose(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF du Rhône")
	card := tn.paper(t, "Card", vault.Shared)
	tn.paper(t, "Letter", vault.Shared)
	token := tn.asked(t, caf)
	_, err := tn.office(t, caf).Take(t.Context(), token)
	require.ErrorIs(t, err, consent.ErrNoAnswer)

	ask := tn.waiting(t)
	require.Equal(t, "CAF du Rhône", ask.Name)
	require.Equal(t, "Les Amis", ask.Organisation)
	require.Equal(t, housingAid, ask.Purpose)
	require.Equal(t, []consent.PaperKind{consent.PaperIdentity}, ask.Kinds)
	r, err := tn.service.Present(t.Context(), tn.amina.Vault, tn.presentation(ask, card.ID), tn.secret())
	require.NoError(t, err)
	for language, says := range map[string]string{"fr": "Peut : prendre une copie de ce que vous avez choisi, et rien d'autre", "en": "They may : take a copy of what you chose, and nothing else", "ar": "أخذ نسخة مما اخترته، ولا شيء غيره"} {
		require.Contains(t, r.Text(language, nil), says)
	}
	all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Empty(t, all, "it was answered")

	got, err := tn.fetched(t, caf, token)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"Card": "this is Card"}, got)

	happened, err := tn.service.WhatHappened(t.Context(), tn.amina.Vault, nil)
	require.NoError(t, err)
	took := slices.DeleteFunc(happened, func(h consent.Happening) bool { return h.Act != vault.ActPartnerTook })
	require.Len(t, took, 2, "the copy, and the content of the card")
	require.Equal(t, "Card", took[0].Name)
	require.Equal(t, vault.ActorPartner, took[0].Actor.Kind)
	require.Equal(t, "CAF du Rhône", took[0].Actor.Relay)
	followers, err := tn.service.Followers(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Empty(t, followers, "a partner sees nothing of what is shared")
	now, err := tn.service.Presentations(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, now, 1)
	require.True(t, now[0].InForce)
	require.Equal(t, housingAid, now[0].Purpose)

	end, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, now[0].Grant, nil)
	require.NoError(t, err)
	require.Equal(t, consent.StateWithdrawn, end.Event.State)
	_, err = tn.fetched(t, caf, token)
	require.ErrorIs(t, err, consent.ErrNoAnswer)
}

// TestARefusalLooksLikeNoAnswer: what a partner sees, and what the store has, is the same
// whether the person refused, blocked it, took back what they had presented, or did not look.
func TestARefusalLooksLikeNoAnswer(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(t *testing.T, tn *town, caf *body){
		"did not look": func(*testing.T, *town, *body) {},
		"refused": func(t *testing.T, tn *town, _ *body) {
			require.NoError(t, tn.service.RefuseAsk(t.Context(), tn.amina.Vault, tn.waiting(t).ID))
		},
		"blocked": func(t *testing.T, tn *town, caf *body) {
			require.NoError(t, tn.service.BlockPartner(t.Context(), tn.amina.Vault, caf.ID))
		},
		"took back": func(t *testing.T, tn *town, _ *body) {
			card := tn.paper(t, "Card", vault.Shared)
			_, err := tn.service.Present(t.Context(), tn.amina.Vault, tn.presentation(tn.waiting(t), card.ID), tn.secret())
			require.NoError(t, err)
			_, err = tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			caf := tn.newBody(t, "CAF")
			token := tn.asked(t, caf)
			act(t, tn, caf)
			_, err := tn.office(t, caf).Take(t.Context(), token)
			require.EqualError(t, err, consent.ErrNoAnswer.Error())
			_, err = tn.office(t, caf).TakeDocument(t.Context(), token, vault.ItemID(randomID()))
			require.EqualError(t, err, consent.ErrNoAnswer.Error())
			_, err = tn.office(t, caf).Link(t.Context(), token)
			require.EqualError(t, err, consent.ErrNoAnswer.Error())
			require.Len(t, scan(t, tn, tn.amina.Vault.ID().String()+"/pa/"), 1, "the request stays until its time is over")
			all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			require.Equal(t, name == "did not look", len(all) == 1)
		})
	}
}

func TestACodeReachesOneVaultOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	office := tn.office(t, caf)
	code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	_, err = office.Ask(t.Context(), code.Code, tn.newAsk())
	require.NoError(t, err)
	_, err = office.Ask(t.Context(), code.Code, tn.newAsk())
	require.ErrorIs(t, err, consent.ErrAskCode, "used")
	code, err = tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	tn.Clock.Advance(consent.AskCodeLasts)
	_, err = office.Ask(t.Context(), code.Code, tn.newAsk())
	require.ErrorIs(t, err, consent.ErrAskCode, "to the instant")
}

func TestWhatAPartnerMayAskForTheAuthoritySays(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	n := tn.newAsk()
	n.Kinds = []consent.PaperKind{consent.PaperHealth}
	_, err = tn.office(t, caf).Ask(t.Context(), code.Code, n)
	require.ErrorIs(t, err, vault.ErrInvalid)

	token := tn.asked(t, caf)
	narrower := caf.Partner
	narrower.Kinds = []consent.PaperKind{consent.PaperIncome}
	tn.publish(t, consent.Change{Partner: &narrower})
	all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Empty(t, all, "it may not ask for that any more")

	tn.publish(t, consent.Change{WithdrawPartner: &caf.ID, On: "2026-03-02"})
	_, err = tn.service.Office(t.Context(), caf.ID)
	require.ErrorIs(t, err, vault.ErrEnded)
	_ = token
}

func TestALinkIsMadeOnlyWhenTheTraitsAgree(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	office := tn.office(t, caf)
	code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	file := consent.Traits{Number: "69-123 456 A", FamilyName: "KONÉ", FirstName: "Amina", BirthDate: "1990-04-01"}
	blinded, err := consent.BlindTraits(file)
	require.NoError(t, err)
	token, err := office.AskLink(t.Context(), code.Code, consent.Purpose{Code: consent.PurposeBenefits, Text: "suivre votre dossier"}, blinded)
	require.NoError(t, err)
	ask := tn.waiting(t)
	require.True(t, ask.Link)

	wrong := file
	wrong.BirthDate = "1990-04-02"
	require.ErrorIs(t, tn.service.AgreeLink(t.Context(), tn.amina.Vault, ask.ID, wrong), consent.ErrTraits)
	require.Equal(t, 4, tn.waiting(t).TriesLeft)
	_, err = office.Link(t.Context(), token)
	require.ErrorIs(t, err, consent.ErrNoAnswer)
	typed := consent.Traits{Number: "69123456a", FamilyName: "kone", FirstName: "AMINA", BirthDate: "1990-04-01"}
	require.NoError(t, tn.service.AgreeLink(t.Context(), tn.amina.Vault, ask.ID, typed))
	link, err := office.Link(t.Context(), token)
	require.NoError(t, err)
	links, err := tn.service.PartnerLinks(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, "69123456a", links[0].Number)

	_, err = office.AskLinked(t.Context(), link, tn.newAsk())
	require.NoError(t, err)
	require.False(t, tn.waiting(t).Link)
	other := tn.office(t, tn.newBody(t, "CPAM"))
	_, err = other.AskLinked(t.Context(), link, tn.newAsk())
	require.ErrorIs(t, err, vault.ErrNotFound, "a link is worth nothing to another partner")
	require.NoError(t, tn.service.EndPartnerLinks(t.Context(), tn.amina.Vault, caf.ID))
	_, err = office.AskLinked(t.Context(), link, tn.newAsk())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestTraitsAreTriedFiveTimes(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	file := consent.Traits{Number: "7", FamilyName: "Koné", FirstName: "Amina", BirthDate: "1990-04-01"}
	blinded, err := consent.BlindTraits(file)
	require.NoError(t, err)
	_, err = tn.office(t, caf).AskLink(t.Context(), code.Code, housingAid, blinded)
	require.NoError(t, err)
	ask := tn.waiting(t)
	wrong := file
	wrong.Number = "8"
	for range 5 {
		require.ErrorIs(t, tn.service.AgreeLink(t.Context(), tn.amina.Vault, ask.ID, wrong), consent.ErrTraits)
	}
	require.ErrorIs(t, tn.service.AgreeLink(t.Context(), tn.amina.Vault, ask.ID, file), vault.ErrNotFound)
	for key, value := range tn.contents(t) {
		for _, trait := range []string{"Koné", "kone", "1990-04-01"} {
			require.NotContains(t, key+string(value), trait)
		}
	}
}

// contents is everything that the store has.
func (tn *town) contents(t testing.TB) map[string][]byte { return scan(t, tn, "") }

// TestAPartnersKeyFollowsTheOneOfBefore: the authority may give a partner other keys; what
// was sealed before stays with the former.
func TestAPartnersKeyFollowsTheOneOfBefore(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	card := tn.paper(t, "Card", vault.Shared)
	first := tn.presented(t, caf, card.ID)
	next, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	renewed := &body{Partner: caf.Partner, keys: next}
	renewed.Key, renewed.Partner.Box = next.Key(), next.Box()
	tn.publish(t, consent.Change{Partner: &renewed.Partner})
	now, err := tn.Directory.Partner(t.Context(), caf.ID)
	require.NoError(t, err)
	require.Equal(t, []consent.PartnerKey{caf.keys.Key()}, now.Former)

	second := tn.presented(t, renewed, card.ID)
	_, err = tn.fetched(t, renewed, second)
	require.NoError(t, err)
	_, err = tn.fetched(t, caf, second)
	require.ErrorIs(t, err, vault.ErrTampered, "the former key opens nothing that is new")
	_, err = tn.fetched(t, caf, first)
	require.NoError(t, err)

	back := caf.Partner
	state, err := tn.Directory.Current(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, state.Check(consent.Change{Partner: &back}), vault.ErrInvalid, "a key that was replaced does not come back")
}

func TestThePersonsNewKeysEndWhatWasPresented(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &vaulttest.Options{})
	caf := tn.newBody(t, "CAF")
	card := tn.paper(t, "Card", vault.Shared)
	token := tn.presented(t, caf, card.ID)
	require.NoError(t, tn.amina.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.amina.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	_, err := tn.fetched(t, caf, token)
	require.ErrorIs(t, err, consent.ErrNoAnswer)
}

func TestNothingThatIsPrivateIsPresented(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	card, diary := tn.paper(t, "Card", vault.Shared), tn.paper(t, "Diary", vault.Private)
	token := tn.asked(t, caf)
	ask := tn.waiting(t)
	_, err := tn.service.Present(t.Context(), tn.amina.Vault, tn.presentation(ask, card.ID, diary.ID), tn.secret())
	require.ErrorIs(t, err, vault.ErrInvalid)
	require.True(t, strings.Contains(err.Error(), "private"))
	_, err = tn.office(t, caf).Take(t.Context(), token)
	require.ErrorIs(t, err, consent.ErrNoAnswer, "and nothing of the rest")
	_, err = tn.service.Present(t.Context(), tn.amina.Vault, tn.presentation(ask, card.ID), vault.Secret{Password: "wrong wrong"})
	require.ErrorIs(t, err, vault.ErrSignIn)
}
