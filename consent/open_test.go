package consent_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

// openAmina opens her vault as the worker.
func (tn *town) open(t testing.TB, p *consent.Post) *vault.Vault {
	t.Helper()
	v, err := p.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.NoError(t, err)
	return v
}

func TestAWorkersSessionHasOneVaultOpenAtATime(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	boris := tn.Person(t)
	f := tn.yes()
	f.Name = "Boris"
	_, err := tn.service.Follow(t.Context(), boris.Vault, f, vault.Secret{Password: boris.Password})
	require.NoError(t, err)

	post := tn.post(t)
	_, _, err = post.Opened(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound)
	first := tn.open(t, post)
	_, err = first.List(t.Context(), nil)
	require.NoError(t, err)
	second, err := post.Open(t.Context(), boris.Vault.ID(), consent.Purpose{Code: consent.PurposeHealth})
	require.NoError(t, err)
	_, err = first.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = second.List(t.Context(), nil)
	require.NoError(t, err)

	// Another process goes on with the same one.
	w, err := tn.Another(t, nil).Service.Resume(t.Context(), tn.centre.worker.Own().Token())
	require.NoError(t, err)
	there := postAt(t, &consenttest.Staff{Worker: w}, tn.centre.relay)
	v, why, err := there.Opened(t.Context())
	require.NoError(t, err)
	require.Equal(t, boris.Vault.ID(), v.ID())
	require.Equal(t, "Boris", there.Called())
	require.Equal(t, consent.Purpose{Code: consent.PurposeHealth}, why)
	tn.open(t, there)
	_, err = second.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)

	v, _, err = post.Opened(t.Context())
	require.NoError(t, err)
	require.Equal(t, tn.amina.Vault.ID(), v.ID())
	require.NoError(t, post.Worker().CloseOpened(t.Context()))
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, _, err = post.Opened(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestAWorkerWhoSignsOutHasNothingOpen(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	v := tn.open(t, tn.post(t))
	require.NoError(t, tn.centre.worker.Own().SignOut(t.Context()))
	_, err := v.List(t.Context(), nil)
	require.Error(t, err)
}

func TestAWorkerTakesNoKeysAndNotEverything(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	diary := tn.paper(t, "Diary", vault.Private)
	tn.follow(t)
	v := tn.open(t, tn.post(t))
	_, err := v.OwnKeys(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.ErrorIs(t, v.Export(t.Context(), &bytes.Buffer{}, nil), vault.ErrNotAllowed)
	_, err = v.Journal(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = v.Grants(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = tn.service.Follow(t.Context(), v, tn.yes(), tn.secret())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = v.ReadDocument(t.Context(), diary.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestAPurposeIsSaid(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	post := tn.post(t)
	for _, why := range []consent.Purpose{
		{}, {Code: "curiosity"}, {Code: consent.PurposeOther}, {Code: consent.PurposeWork, Text: strings.Repeat("é", consent.MaxPurpose+1)},
		{Code: consent.PurposeWork, Text: "a\x00"}, {Code: consent.PurposeWork, Text: "a\xff"},
	} {
		_, err := post.Open(t.Context(), tn.amina.Vault.ID(), why)
		require.ErrorIs(t, err, vault.ErrInvalid, why)
	}
	for _, code := range consent.Purposes() {
		p := consent.Purpose{Code: code, Text: "pour: le dossier"}
		require.Equal(t, p, consent.ParsePurpose(p.String()))
	}
	require.Equal(t, consent.Purpose{Code: consent.PurposeOther, Text: "visit"}, consent.ParsePurpose("visit"))
	require.Equal(t, consent.Purpose{}, consent.ParsePurpose(""))
}

// A worker opens nobody whom their relay does not follow.
func TestNobodyElseIsReached(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	shelter := tn.newPlace(t, "Abri du pont")
	tn.follow(t)
	there := postAt(t, shelter.worker, shelter.relay)
	people, err := there.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)
	_, err = there.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = tn.Vaults.OpenGrant(t.Context(), tn.amina.Vault.ID(), tn.grant(t).ID, there.Guest("housing"))
	require.ErrorIs(t, err, vault.ErrTampered, "a grant for another relay")
}

func TestTwoWorkersAtOnceTakeAPersonInOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	others := []*consenttest.Staff{tn.centre.worker, tn.centre.Hire(t, "Lina", consent.RoleHelp), tn.centre.Hire(t, "Omar", consent.RoleHelp)}
	tn.follow(t)
	posts := make([]*consent.Post, len(others))
	for i, w := range others {
		posts[i] = postAt(t, w, tn.centre.relay)
	}
	var all sync.WaitGroup
	errs := make([]error, len(posts))
	for i, p := range posts {
		all.Go(func() {
			people, err := p.People(context.WithoutCancel(t.Context()))
			if err == nil && len(people) != 1 {
				err = fmt.Errorf("%d people", len(people))
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	items, err := posts[0].Space().List(t.Context(), &vault.ListOptions{Kind: vault.KindData})
	require.NoError(t, err)
	items = slices.DeleteFunc(items, func(it vault.Item) bool { return it.Name != "Amina K." })
	require.Len(t, items, 1, "once, for all three")
}

func TestALostNoteIsSentAgain(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	deleteAll(t, tn, tn.centre.relay.ID.String()+"/in/")
	post := tn.post(t)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)
	require.NoError(t, tn.service.SendAgain(t.Context(), tn.amina.Vault, tn.grant(t).ID))
	require.NoError(t, tn.service.SendAgain(t.Context(), tn.amina.Vault, tn.grant(t).ID))
	for range 2 {
		people, err = post.People(t.Context())
		require.NoError(t, err)
		require.Len(t, people, 1)
		require.NoError(t, tn.service.SendAgain(t.Context(), tn.amina.Vault, tn.grant(t).ID))
	}
	require.ErrorIs(t, tn.service.SendAgain(t.Context(), tn.amina.Vault, vault.GrantID{1}), vault.ErrNotFound)
	_, err = tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.NoError(t, err)
	require.ErrorIs(t, tn.service.SendAgain(t.Context(), tn.amina.Vault, tn.grant(t).ID), vault.ErrEnded)
}

// What the store puts into a relay's inbox by itself takes nobody in.
func TestAForgedNoteTakesNobodyIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	shelter := tn.newPlace(t, "Abri du pont")
	tn.follow(t)
	notes := scan(t, tn, tn.centre.relay.ID.String()+"/in/")
	require.Len(t, notes, 1)
	for key, value := range notes {
		flipped := bytes.Clone(value)
		flipped[len(flipped)-1] ^= 1
		set(t, tn, strings.Replace(key, tn.centre.relay.ID.String(), shelter.relay.ID.String(), 1), value) // to another relay
		set(t, tn, key[:len(key)-26]+vault.ID{7}.String(), value)                                          // twice, under another name
		set(t, tn, key[:len(key)-26]+"nonsense", value)
		set(t, tn, key[:len(key)-26]+vault.ID{8}.String(), flipped)
	}
	people, err := tn.post(t).People(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	require.Len(t, people, 1, "the real one")
	there, err := postAt(t, shelter.worker, shelter.relay).People(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	require.Empty(t, there)
	people, err = tn.post(t).People(t.Context())
	require.NoError(t, err, "what was forged is gone")
	require.Len(t, people, 1)
}

func TestARelayGivesSomebodyUpAndTheyReadWho(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := tn.paper(t, "Letter", vault.Shared)
	tn.follow(t)
	post := tn.post(t)
	require.NoError(t, post.GiveUp(t.Context(), tn.amina.Vault.ID(), consent.Purpose{Code: consent.PurposeOther, Text: "moved away"}))
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)
	require.ErrorIs(t, post.GiveUp(t.Context(), tn.amina.Vault.ID(), aboutHousing), vault.ErrNotFound)

	happened, err := tn.service.WhatHappened(t.Context(), tn.amina.Vault, nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActGrantEnded, happened[0].Act)
	require.Equal(t, "Samir", happened[0].Actor.Name)
	require.Equal(t, "Accueil de jour", happened[0].About)
	require.Equal(t, "moved away", happened[0].Why.Text)

	tn.Clock.Advance(365 * 24 * time.Hour)
	again := tn.amina.SignIn(t, tn.Stage.Stage)
	m, err := again.Metadata(t.Context(), letter.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation, "paid a year later")
	receipts, err := tn.service.Receipts(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, consent.StateTerminated, receipts[1].Event.State)
	require.Equal(t, "recipient", receipts[1].Event.Entity)
}

func TestARelayThatTheAuthorityWithdrawsIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	big, err := tn.amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Scan", Compartment: vault.Shared}, bytes.NewReader(make([]byte, 1<<20)))
	require.NoError(t, err)
	tn.follow(t)
	post := tn.post(t)
	v := tn.open(t, post)
	download, err := v.ReadDocument(t.Context(), big.ID)
	require.NoError(t, err)
	_, err = download.Read(make([]byte, 100))
	require.NoError(t, err)
	tn.publish(t, consent.Change{WithdrawRelay: &tn.centre.relay.ID, On: "2026-03-02"})
	tn.Clock.Advance(2 * time.Second)
	_, err = bytes.NewBuffer(nil).ReadFrom(download)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = post.People(t.Context())
	require.ErrorIs(t, err, vault.ErrEnded)

	tn.Clock.Advance(365 * 24 * time.Hour)
	again := tn.amina.SignIn(t, tn.Stage.Stage)
	m, err := again.Metadata(t.Context(), big.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation)
	followers, err := tn.service.Followers(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, vault.EndedByDirectory, followers[0].EndedBy)
}
