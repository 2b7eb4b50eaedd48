package consent_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

func (tn *town) visit(t testing.TB, p *consent.Post, items ...vault.ItemID) vault.GrantID {
	t.Helper()
	code, err := p.VisitCode(t.Context())
	require.NoError(t, err)
	r, err := tn.service.Visit(t.Context(), tn.amina.Vault, consent.NewVisit{
		Code: code.String(), Items: items, Lasts: time.Hour, Notice: testNotice, Agreed: true, Name: "Amina",
	}, tn.secret())
	require.NoError(t, err)
	require.NoError(t, r.Verify(tn.PublicKey()))
	return tn.grant(t).ID
}

func TestAVisitShowsWhatWasChosenForAnHourAndLeavesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	card, lease := tn.paper(t, "Card", vault.Shared), tn.paper(t, "Lease", vault.Private)
	tn.paper(t, "Diary", vault.Private)
	tn.paper(t, "Letter", vault.Shared)
	post := tn.post(t)
	before := left(t, tn)
	grant := tn.visit(t, post, card.ID, lease.ID)
	until := tn.Clock.Now().Add(time.Hour)

	visits, err := post.Visits(t.Context())
	require.NoError(t, err)
	require.Len(t, visits, 1)
	require.Equal(t, "Amina", visits[0].Name)
	require.Equal(t, until, visits[0].Until)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people, "a visit is not to follow")
	v, err := post.OpenVisit(t.Context(), grant, aboutHousing)
	require.NoError(t, err)
	require.Equal(t, []string{"Card", "Lease"}, titles(t, v))
	require.Equal(t, "this is Lease", contents(t, v, lease.ID))
	_, err = v.AddNote(t.Context(), "n", vault.Note{}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrNotAllowed)

	happened, err := tn.service.WhatHappened(t.Context(), tn.amina.Vault, nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActDownloaded, happened[0].Act)
	require.Equal(t, "Lease", happened[0].Name)
	require.Equal(t, "Samir", happened[0].Actor.Name)
	require.Equal(t, aboutHousing, happened[0].Why)
	followers, err := tn.service.Followers(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.True(t, followers[0].Visit && followers[0].InForce)
	require.Equal(t, 2, followers[0].Items)
	require.Equal(t, "Accueil de jour", followers[0].Name)
	require.Equal(t, tn.centre.worker.ID(), followers[0].Worker)
	require.Equal(t, "Samir", followers[0].Visitor)
	require.ElementsMatch(t, []vault.ItemID{card.ID, lease.ID}, followers[0].Chosen)
	for _, h := range happened {
		if h.Act == vault.ActGranted && h.Detail["grant"] == grant.String() {
			require.Equal(t, &followers[0], h.Grant)
		}
	}
	receipts, err := tn.service.Receipts(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Equal(t, "Samir, Accueil de jour", receipts[0].Recipient.Name, "who sees it, and for whom they work")
	for language, says := range map[string]string{"fr": "Peut : voir ce que vous avez choisi, et rien d'autre", "en": "They may : see what you chose, and nothing else", "ar": "رؤية ما اخترته، ولا شيء غيره"} {
		require.Contains(t, receipts[0].Text(language, nil), says)
	}

	plain, technical := receipts[0].Parts("fr", nil)
	require.NotContains(t, plain, "SHA-256")
	require.Contains(t, technical, "SHA-256")
	require.ElementsMatch(t, strings.Fields(receipts[0].Text("fr", nil)), strings.Fields(plain+" "+technical), "nothing is left out, and nothing said twice")

	again := tn.again(t)
	keepAwake(t, tn, again, 59*time.Minute)
	tn.Clock.Set(until.Add(-time.Millisecond))
	_, err = again.OpenVisit(t.Context(), grant, aboutHousing)
	require.NoError(t, err)
	tn.Clock.Set(until)
	_, err = again.OpenVisit(t.Context(), grant, aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound, "to the instant")
	require.NoError(t, again.Worker().CloseOpened(t.Context()))
	tn.Clock.Advance(25 * time.Hour)
	_, err = tn.Sweep(t.Context()) // of the session that is over
	require.NoError(t, err)
	require.Equal(t, before, left(t, tn), "nothing is left with the relay or the worker")
}

// keepAwake lets time pass while somebody works, so that their session goes on.
func keepAwake(t testing.TB, tn *town, p *consent.Post, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= 5 * time.Minute {
		tn.Clock.Advance(min(d, 5*time.Minute))
		require.NoError(t, func() error { _, err := p.Worker().Own().Sessions(t.Context()); return err }())
	}
}

// left is what lies with the relay and its worker beside their heads, journals,
// sessions and roster.
func left(t testing.TB, tn *town) (keys []string) {
	t.Helper()
	for _, id := range []string{tn.centre.relay.ID.String(), tn.centre.worker.ID().String()} {
		for key := range scan(t, tn, id+"/") {
			part := strings.TrimPrefix(key, id)
			for _, of := range []string{"/in/", "/at/", "/i/", "/g/"} {
				if strings.HasPrefix(part, of) {
					keys = append(keys, key)
				}
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func TestAVisitEndsAtATapAndWithTheSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(tn *town, grant vault.GrantID) error{
		"tap": func(tn *town, grant vault.GrantID) error {
			_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, grant, nil)
			return err
		},
		"sign out": func(tn *town, _ vault.GrantID) error { return tn.amina.Vault.SignOut(t.Context()) },
	} {
		tn := newTown(t, nil)
		letter := tn.paper(t, "Letter", vault.Shared)
		post := tn.post(t)
		before := left(t, tn)
		grant := tn.visit(t, post)
		v, err := post.OpenVisit(t.Context(), grant, aboutHousing)
		require.NoError(t, err, name)
		require.Equal(t, "this is Letter", contents(t, v, letter.ID))
		require.NoError(t, end(tn, grant), name)
		_, err = v.List(t.Context(), nil)
		require.ErrorIs(t, err, vault.ErrEnded, name)
		require.NoError(t, post.Worker().CloseOpened(t.Context()))
		require.Equal(t, before, left(t, tn), name)
		visits, err := post.Visits(t.Context())
		require.NoError(t, err)
		require.Empty(t, visits, name)
		m, err := tn.amina.SignIn(t, tn.Stage.Stage).Metadata(t.Context(), letter.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, m.Generation, "a visit asks for no new keys")
	}
}

func TestASweepTakesAwayWhatNobodyLooksAt(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := tn.paper(t, "Letter", vault.Shared)
	before := left(t, tn)
	tn.visit(t, tn.post(t), letter.ID)
	require.NotEqual(t, before, left(t, tn))
	tn.Clock.Advance(27 * time.Hour)
	_, err := tn.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, left(t, tn))
	require.Empty(t, scan(t, tn, tn.amina.Vault.ID().String()+"/g/"))
}

func TestAVisitIsForTheKeyOnTheScreen(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	shelter := tn.newPlace(t, "Abri du pont")
	post := tn.post(t)
	code, err := post.VisitCode(t.Context())
	require.NoError(t, err)
	who, err := tn.service.Visitor(t.Context(), code.String())
	require.NoError(t, err)
	require.Equal(t, "Accueil de jour", who.At.Name)
	require.Equal(t, "Les Amis", who.Organisation.Name)

	other := code
	other.Key = newKey()
	_, err = tn.service.Visitor(t.Context(), other.String())
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	other = code
	other.Worker = shelter.worker.ID()
	_, err = tn.service.Visitor(t.Context(), other.String())
	require.ErrorIs(t, err, consent.ErrNotMember)
	other = code
	other.Relay = shelter.relay.ID
	_, err = tn.service.Visitor(t.Context(), other.String())
	require.ErrorIs(t, err, consent.ErrNotMember)
	other = code
	other.Name = "Somebody else"
	_, err = tn.service.Visitor(t.Context(), other.String())
	require.ErrorIs(t, err, vault.ErrUntrustedKey, "nobody shows their key under another's name")
	other.Name = "" // a code of before
	_, err = tn.service.Visitor(t.Context(), other.String())
	require.NoError(t, err)
	for _, text := range []string{"", "reconnect:visit:", code.String() + ":", other.String() + ":", other.String() + ":a!", other.String() + ":" + strings.Repeat("me", 60), "reconnect:relay:x:y", strings.Repeat("x", 5000), code.String()[:60]} {
		_, err = tn.service.Visitor(t.Context(), text)
		require.ErrorIs(t, err, vault.ErrInvalid, text)
	}
	again, err := consent.ParseVisitCode(code.String())
	require.NoError(t, err)
	require.Equal(t, code, again)

	// Nobody else opens it, also not another worker of the same centre.
	letter := tn.paper(t, "Letter", vault.Shared)
	grant := tn.visit(t, post, letter.ID)
	lina := postAt(t, tn.centre.Hire(t, "Lina", consent.RoleHelp), tn.centre.relay)
	_, err = lina.OpenVisit(t.Context(), grant, aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	guest, err := lina.VisitGuest(t.Context(), "housing")
	require.NoError(t, err)
	_, err = tn.Vaults.OpenGrant(t.Context(), tn.amina.Vault.ID(), grant, guest)
	require.ErrorIs(t, err, vault.ErrTampered)
}

func TestAVisitHasAnEndAndASmallScope(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := tn.paper(t, "Letter", vault.Shared)
	code, err := tn.post(t).VisitCode(t.Context())
	require.NoError(t, err)
	good := consent.NewVisit{Code: code.String(), Lasts: time.Hour, Notice: testNotice, Agreed: true, Name: "Amina"}
	for name, change := range map[string]func(*consent.NewVisit){
		"no end":     func(n *consent.NewVisit) { n.Lasts = 0 },
		"too long":   func(n *consent.NewVisit) { n.Lasts = consent.MaxVisit + 1 },
		"no yes":     func(n *consent.NewVisit) { n.Agreed = false },
		"no name":    func(n *consent.NewVisit) { n.Name = "" },
		"team":       func(n *consent.NewVisit) { n.Scope = vault.ScopeTeam },
		"add chosen": func(n *consent.NewVisit) { n.Scope, n.Items = vault.ScopeAdd, []vault.ItemID{letter.ID} },
		"none":       func(n *consent.NewVisit) { n.Items = []vault.ItemID{} },
	} {
		n := good
		change(&n)
		_, err := tn.service.Visit(t.Context(), tn.amina.Vault, n, tn.secret())
		require.ErrorIs(t, err, vault.ErrInvalid, name)
	}
	good.Items = []vault.ItemID{{1}}
	_, err = tn.service.Visit(t.Context(), tn.amina.Vault, good, tn.secret())
	require.ErrorIs(t, err, vault.ErrNotFound)
	good.Items, good.Scope = nil, vault.ScopeAdd
	_, err = tn.service.Visit(t.Context(), tn.amina.Vault, good, tn.secret())
	require.NoError(t, err)
	v, err := tn.post(t).OpenVisit(t.Context(), tn.grant(t).ID, aboutHousing)
	require.NoError(t, err)
	_, err = v.AddNote(t.Context(), "n", vault.Note{}, vault.Place{})
	require.NoError(t, err)
}
