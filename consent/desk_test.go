package consent_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// aDesk is the phone line of another organisation, with an agent.
func aDesk(t testing.TB, tn *town) *centre {
	t.Helper()
	other, err := tn.NewOrganisation(t.Context(), "Ligne d'appel")
	require.NoError(t, err)
	d := &centre{Relay: tn.Desk(t, "Line", other)}
	d.relay = d.Relay.Relay
	d.worker = d.Hire(t, "Lina", consent.RoleHelp)
	return d
}

func deskHelp(d *centre) consent.DeskHelp {
	return consent.DeskHelp{Desk: d.relay.ID, Notice: testNotice, Agreed: true, Channel: "web"}
}

func TestTheRegisterTellsOfWhoseOrganisationARelayIs(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	desk := aDesk(t, tn)
	for _, r := range []consent.Relay{tn.centre.relay, desk.relay} {
		k, err := tn.Register.Holder(t.Context(), r.ID, nil)
		require.NoError(t, err)
		require.Equal(t, [16]byte(r.Organisation), k.Organisation)
	}
	require.NotEqual(t, tn.centre.relay.Organisation, desk.relay.Organisation)
}

func TestADeskThatMayHelpSeesNothingAndIsToldNoName(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	desk := aDesk(t, tn)
	tn.paper(t, "Letter", vault.Shared)
	before := scan(t, tn, desk.relay.ID.String())
	r, err := tn.service.AllowDesk(t.Context(), tn.amina.Vault, deskHelp(desk), tn.secret())
	require.NoError(t, err)
	require.NoError(t, r.Verify(tn.PublicKey()))
	require.Equal(t, "help", r.Processing.Scope)
	require.Equal(t, "desk", r.Recipient.Role)
	require.Equal(t, "Ligne d'appel", r.Controller.Name)
	require.Contains(t, r.Text("fr", nil), "sans rien voir")
	require.Contains(t, r.Text("ar", nil), "بدون رؤية أي شيء")
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	requireSchema(t, raw)

	require.Equal(t, before, scan(t, tn, desk.relay.ID.String()), "no note, no roster entry")
	post := postAt(t, desk.worker, desk.relay)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)
	_, err = post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	v, err := tn.OpenGrant(t.Context(), tn.amina.Vault.ID(), tn.grant(t).ID, post.Guest("a call"))
	require.NoError(t, err)
	defer v.Close()
	all, err := v.List(t.Context(), nil)
	require.True(t, err != nil || len(all) == 0, "it has no key of what is shared: %v", all)
	_, err = v.LeaveNote(t.Context(), "a call", vault.Note{Text: "x"}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrNotAllowed)
}

func TestThePersonReadsThatADeskMayHelpAndEndsIt(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	desk := aDesk(t, tn)
	given, err := tn.service.AllowDesk(t.Context(), tn.amina.Vault, deskHelp(desk), tn.secret())
	require.NoError(t, err)
	all, err := tn.service.Followers(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, vault.ScopeHelp, all[0].Scope)
	require.Equal(t, "Line", all[0].Name)
	require.Equal(t, "Ligne d'appel", all[0].Organisation)
	require.Empty(t, all[0].Called)
	happened, err := tn.service.WhatHappened(t.Context(), tn.amina.Vault, nil)
	require.NoError(t, err)
	var about []string
	for _, h := range happened {
		if h.Act == vault.ActGranted {
			about = append(about, h.About)
		}
	}
	require.Equal(t, []string{"Line"}, about)
	require.ErrorIs(t, tn.service.SendAgain(t.Context(), tn.amina.Vault, all[0].Grant), vault.ErrNotFound)

	end, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, all[0].Grant, nil)
	require.NoError(t, err)
	require.Equal(t, consent.StateWithdrawn, end.Event.State)
	require.Equal(t, given.ID, end.Event.Refers)
	require.Equal(t, "desk", end.Recipient.Role)
	_, err = tn.OpenGrant(t.Context(), tn.amina.Vault.ID(), all[0].Grant, postAt(t, desk.worker, desk.relay).Guest("a call"))
	require.ErrorIs(t, err, vault.ErrEnded)
}

func TestWhatADeskMayNotBe(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	desk := aDesk(t, tn)
	yes := deskHelp(desk)
	v := tn.amina.Vault

	follow := tn.yes()
	follow.Relay = desk.relay.ID
	_, err := tn.service.Follow(t.Context(), v, follow, tn.secret())
	require.ErrorIs(t, err, vault.ErrInvalid, "a desk follows nobody")
	post := postAt(t, desk.worker, desk.relay)
	code, err := post.VisitCode(t.Context())
	require.NoError(t, err)
	_, err = tn.service.Visitor(t.Context(), code.String())
	require.ErrorIs(t, err, vault.ErrInvalid, "nor is it shown anything for a while")
	_, err = post.BeginAccount(t.Context(), "Amina K.")
	require.ErrorIs(t, err, vault.ErrInvalid)

	for name, is := range map[string]struct {
		help   consent.DeskHelp
		secret vault.Secret
		want   error
	}{
		"no yes":             {consent.DeskHelp{Desk: yes.Desk, Notice: yes.Notice}, tn.secret(), vault.ErrInvalid},
		"no notice":          {consent.DeskHelp{Desk: yes.Desk, Agreed: true}, tn.secret(), vault.ErrInvalid},
		"nobody":             {consent.DeskHelp{Notice: yes.Notice, Agreed: true}, tn.secret(), vault.ErrInvalid},
		"a centre":           {consent.DeskHelp{Desk: tn.centre.relay.ID, Notice: yes.Notice, Agreed: true}, tn.secret(), vault.ErrInvalid},
		"not in the list":    {consent.DeskHelp{Desk: consent.RelayID{4}, Notice: yes.Notice, Agreed: true}, tn.secret(), consent.ErrNotNamed},
		"without the secret": {yes, vault.Secret{Password: "a guess"}, vault.ErrSignIn},
	} {
		_, err = tn.service.AllowDesk(t.Context(), v, is.help, is.secret)
		require.ErrorIs(t, err, is.want, name)
	}
	all, err := tn.service.Followers(t.Context(), v)
	require.NoError(t, err)
	require.Empty(t, all)

	_, err = tn.service.AllowDesk(t.Context(), v, yes, tn.secret())
	require.NoError(t, err)
	_, err = tn.service.AllowDesk(t.Context(), v, yes, tn.secret())
	require.ErrorIs(t, err, consent.ErrFollowed)
	second := tn.Desk(t, "Another line", tn.Organisation)
	_, err = tn.service.AllowDesk(t.Context(), v, consent.DeskHelp{Desk: second.ID, Notice: yes.Notice, Agreed: true}, tn.secret())
	require.ErrorIs(t, err, vault.ErrInvalid, "one at a time")
}
