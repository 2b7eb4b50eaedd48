package consent_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestAWorkerIsToldWhomTheyAskedAndWhoTookThemOut(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour, lantern := s.Relay(t, "Harbour"), s.Relay(t, "Lantern")
	samir := s.Worker(t, "Samir")
	asked := func() (all []consent.AskedRelay) {
		t.Helper()
		all, err := samir.AskedRelays(t.Context())
		require.NoError(t, err)
		return all
	}
	require.Empty(t, asked(), "never in")
	ask := func(r *consenttest.Relay) {
		t.Helper()
		i, err := r.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
		_, err = samir.Ask(t.Context(), i.Code)
		require.NoError(t, err)
	}
	admit := func(r *consenttest.Relay) error {
		digits, err := samir.Fingerprint(t.Context())
		require.NoError(t, err)
		return r.Desk(t).Admit(t.Context(), consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
	}
	ask(harbour)
	s.Clock.Advance(time.Minute)
	ask(harbour) // with another code
	since := s.Clock.Now().UTC().Truncate(time.Millisecond)
	s.Clock.Advance(time.Minute)
	ask(lantern)
	all := asked()
	require.Len(t, all, 2)
	require.Equal(t, "Lantern", all[0].Relay.Name)
	require.Equal(t, consent.AskedRelay{Relay: harbour.Relay, At: since, Waiting: true}, all[1])

	require.NoError(t, admit(harbour))
	require.Len(t, asked(), 1, "who is in has asked nothing any more")
	_, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	all = asked()
	require.Len(t, all, 2)
	require.Equal(t, "Harbour", all[1].Relay.Name)
	require.False(t, all[1].Waiting, "out, and not waiting")

	require.NoError(t, samir.TakeBackAsk(t.Context(), lantern.ID))
	require.ErrorIs(t, admit(lantern), vault.ErrNotFound, "nobody lets in who does not ask any more")
	require.NoError(t, samir.TakeBackAsk(t.Context(), harbour.ID))
	require.ErrorIs(t, samir.TakeBackAsk(t.Context(), harbour.ID), vault.ErrNotFound)
	require.Empty(t, asked())
	ask(lantern)
	require.NoError(t, admit(lantern))
}

func TestWhoIsRefusedIsToldAndCanAskAgain(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	helper, samir := harbour.Hire(t, "Nadia", consent.RoleHelp), s.Worker(t, "Samir")
	ask := func() {
		t.Helper()
		i, err := harbour.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
		_, err = samir.Ask(t.Context(), i.Code)
		require.NoError(t, err)
	}
	admit := func() error {
		digits, err := samir.Fingerprint(t.Context())
		require.NoError(t, err)
		return harbour.Desk(t).Admit(t.Context(), consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
	}
	asking := func() int {
		n, err := harbour.Desk(t).Asking(t.Context())
		require.NoError(t, err)
		return n
	}
	require.Zero(t, asking())
	ask()
	require.Equal(t, 1, asking())
	require.NoError(t, s.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(harbour.ID.String()+"/ask/"+helper.ID().String(), []byte("junk of the store"))
		return nil
	}))
	require.Equal(t, 1, asking(), "what nobody signed is nobody")
	require.ErrorIs(t, helper.At(t, harbour).Refuse(t.Context(), samir.ID()), consent.ErrNotManager)
	_, err := helper.At(t, harbour).Asking(t.Context())
	require.ErrorIs(t, err, consent.ErrNotManager)

	require.NoError(t, harbour.Desk(t).Refuse(t.Context(), samir.ID()))
	require.ErrorIs(t, harbour.Desk(t).Refuse(t.Context(), samir.ID()), vault.ErrNotFound)
	require.ErrorIs(t, admit(), vault.ErrNotFound, "nobody is let in by what was refused")
	require.Zero(t, asking())
	all, err := samir.AskedRelays(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.False(t, all[0].Waiting)
	lines, err := harbour.Desk(t).WhatHappened(t.Context(), nil)
	require.NoError(t, err)
	i := slices.IndexFunc(lines, func(l consent.Happening) bool { return l.Act == vault.ActJoinRefused })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, "Samir", lines[i].Detail["label"])
	require.Equal(t, harbour.Manager.Name(), lines[i].Actor.Name)

	ask()
	require.NoError(t, admit())
}

// Of who lets somebody in and who refuses them at the same moment, one side succeeds.
func TestNobodyIsBothLetInAndRefused(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	second := harbour.Hire(t, "Second", consent.RoleHelp|consent.RoleManage)
	for range 3 {
		samir := s.Worker(t, "Samir")
		i, err := harbour.Desk(t).Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
		_, err = samir.Ask(t.Context(), i.Code)
		require.NoError(t, err)
		digits, err := samir.Fingerprint(t.Context())
		require.NoError(t, err)
		one, other := harbour.Desk(t), second.At(t, harbour)
		var both sync.WaitGroup
		var admitted, refused error
		both.Go(func() {
			admitted = one.Admit(t.Context(), consent.Admission{Worker: samir.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
		})
		both.Go(func() { refused = other.Refuse(t.Context(), samir.ID()) })
		both.Wait()
		require.NotEqual(t, admitted == nil, refused == nil, "admitted %v, refused %v", admitted, refused)
		_, err = samir.Worker.At(t.Context(), harbour.ID)
		require.Equal(t, admitted == nil, err == nil)
	}
}

// What only closes is never refused (N10).
func TestWhoAsksIsRefusedWhileTheWitnessIsAway(t *testing.T) {
	t.Parallel()
	away := &broken{}
	s := consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { away.Checkpoints = c; return away },
	}})
	harbour := s.Relay(t, "Harbour")
	samir, desk := s.Worker(t, "Samir"), harbour.Desk(t)
	i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
	require.NoError(t, err)
	_, err = samir.Ask(t.Context(), i.Code)
	require.NoError(t, err)
	away.away.Store(true)
	require.ErrorIs(t, desk.Refuse(t.Context(), samir.ID()), vault.ErrUnconfirmed)
	away.away.Store(false)
	s.Clock.Advance(31 * time.Second)
	all, err := harbour.Desk(t).Requests(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
}

// Where somebody worked before is written nowhere that the store can read.
func TestTheStoreDoesNotLearnWhereSomebodyWorkedBefore(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	_, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	for rec, err := range s.Store.All(t.Context(), samir.ID().String()) {
		require.NoError(t, err)
		require.NotContains(t, rec.Key, harbour.ID.String())
		require.NotContains(t, string(rec.Value), string(harbour.ID[:]))
	}
}
