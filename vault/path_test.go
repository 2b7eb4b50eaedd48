package vault_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// helped is a town with a desk of another organisation, and a person whom the relay
// follows.
type helped struct {
	*town
	desk   *vault.Vault // its space, as whoever answers has it open
	grant  vault.GrantID
	byCall vault.GrantID
	owns   map[vault.PathKind][]byte

	organisations map[vault.ID][16]byte
}

// organised tells of whose organisation everybody is, beside the register.
type organised struct {
	*register
	of map[vault.ID][16]byte
}

func (o organised) Holder(ctx context.Context, id vault.ID, pinned []byte) (vault.HolderKeys, error) {
	k, err := o.register.Holder(ctx, id, pinned)
	k.Organisation = o.of[id]
	return k, err
}

func newHelped(t testing.TB) *helped { return newHelpedOn(t, &vaulttest.Options{}) }

func newHelpedOn(t testing.TB, opts *vaulttest.Options) *helped {
	t.Helper()
	o := organised{of: map[vault.ID][16]byte{}, register: &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}}
	opts.Directory = func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return o, nil }
	s := newScene(t, opts)
	h := &helped{town: settled(t, s, o.register), owns: map[vault.PathKind][]byte{}, organisations: o.of}
	h.desk = space(t, h.Vaults, seal.KindRelay, "the sheet of the desk")
	o.of[h.relay.ID()], o.of[h.desk.ID()] = vault.NewPathID(), vault.NewPathID() // any two
	h.grant = h.follow(t, vault.ScopeAdd)
	g, err := h.v.Give(t.Context(), vault.NewGrant{Holder: h.desk.ID(), Scope: vault.ScopeHelp}, h.secret())
	require.NoError(t, err)
	h.byCall = g.ID
	return h
}

// enrol adds a path; what the person brings is random, as if derived from a sheet.
func (h *helped) enrol(t testing.TB, kind vault.PathKind, private bool) vault.PathID {
	t.Helper()
	n := vault.NewPath{Kind: kind, ID: vault.NewPathID(), Private: private, Params: []byte("salt"), Shown: []byte("Your first school?")}
	if kind.Own() {
		n.Own = seal.NewKey().Bytes()
		h.owns[kind] = n.Own
	} else {
		n.Values[0] = []byte("what the witness releases: 32 B.")
		if private {
			n.Values[1] = []byte("what it releases a month later..")
		}
	}
	require.NoError(t, h.v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, h.secret()))
	return n.ID
}

// contributed is the half that somebody holds of a path now.
func (h *helped) contributed(t testing.TB, grant vault.GrantID, path vault.PathID) (half vault.Half, err error) {
	t.Helper()
	v, err := h.opened(t, grant)
	if err != nil {
		return half, err
	}
	defer v.Close()
	err = v.Contribute(t.Context(), path, "test.contributed", nil, func(_ *storage.Tx, h vault.Half) error { half = h; return nil })
	return half, err
}

func (h *helped) opened(t testing.TB, grant vault.GrantID) (*vault.Vault, error) {
	t.Helper()
	if grant == h.byCall {
		keys, err := h.desk.OwnKeys(t.Context())
		require.NoError(t, err)
		return h.Vaults.OpenGrant(t.Context(), h.v.ID(), grant, h.guest(keys, h.desk.ID(), "call"))
	}
	return h.open(t, grant)
}

// proof brings everything together for a path.
func (h *helped) proof(t testing.TB, kind vault.PathKind, path vault.PathID) vault.PathProof {
	t.Helper()
	p := vault.PathProof{Path: path, Own: h.owns[kind]}
	var err error
	if kind.Relay() {
		p.Relay, err = h.contributed(t, h.grant, path)
		require.NoError(t, err)
	}
	if kind.Desk() {
		p.Desk, err = h.contributed(t, h.byCall, path)
		require.NoError(t, err)
	}
	return p
}

func (h *helped) recover(t testing.TB, p vault.PathProof) (*vault.Vault, error) {
	t.Helper()
	h.person.Password = "a password of after " + p.Path.String()
	return h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: p, Password: h.person.Password, Session: &vault.SessionRequest{Device: "phone"}})
}

func TestWhoForgotThePasswordComesBackInWithASheetAndARelay(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	shared := addTo(t, h.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	diary := addTo(t, h.v, vault.NewDocument{Name: "Diary"}, []byte("private"))
	for _, kind := range []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk} {
		path := h.enrol(t, kind, true)
		old, forgotten := h.v, h.person.Password
		proof := h.proof(t, kind, path)
		v, err := h.recover(t, proof)
		require.NoError(t, err)
		require.Equal(t, []byte("shared"), read(t, v, shared.ID))
		require.Equal(t, []byte("private"), read(t, v, diary.ID))
		_, err = old.Overview(t.Context())
		require.ErrorIs(t, err, vault.ErrSessionEnded, "every session ended")
		_, err = h.Vaults.Unlock(t.Context(), vault.Password{Login: h.person.Login, Secret: forgotten})
		require.ErrorIs(t, err, vault.ErrSignIn)
		h.v = h.person.SignIn(t, h.Stage)

		// The path is used up, and says so.
		_, err = h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: proof, Password: "yet another one"})
		require.ErrorIs(t, err, vault.ErrSignIn)
		all, err := h.v.Paths(t.Context())
		require.NoError(t, err)
		for _, p := range all {
			require.Equal(t, vault.PathDue, p.State)
		}
		require.Contains(t, acts(t, h.v, 30), string(vault.ActRecovered))
	}
}

func TestAHalfAloneOrAWrongOneOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	path := h.enrol(t, vault.PathSheetRelay, true)
	right := h.proof(t, vault.PathSheetRelay, path)
	flipped := func(b []byte) []byte { c := append([]byte(nil), b...); c[7] ^= 1; return c }
	for name, p := range map[string]vault.PathProof{
		"no relay":             {Path: path, Own: right.Own},
		"no sheet":             {Path: path, Relay: right.Relay},
		"another sheet":        {Path: path, Own: seal.NewKey().Bytes(), Relay: right.Relay},
		"a flipped bit":        {Path: path, Own: right.Own, Relay: vault.Half{Shared: flipped(right.Relay.Shared), Private: right.Relay.Private}},
		"a flipped bit in 2":   {Path: path, Own: right.Own, Relay: vault.Half{Shared: right.Relay.Shared, Private: flipped(right.Relay.Private)}},
		"halves swapped":       {Path: path, Own: right.Own, Relay: vault.Half{Shared: right.Relay.Private, Private: right.Relay.Shared}},
		"as the desk's":        {Path: path, Own: right.Own, Desk: right.Relay},
		"another path":         {Path: vault.NewPathID(), Own: right.Own, Relay: right.Relay},
		"the sheet as a value": {Path: path, Relay: right.Relay, Values: [2][]byte{right.Own, right.Own}},
	} {
		_, err := h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: p, Password: "another password"})
		require.ErrorIs(t, err, vault.ErrSignIn, name)
	}
	_, err := h.Vaults.Recover(t.Context(), vault.Recovery{Vault: vault.ID{7}, Proof: right, Password: "another password"})
	require.ErrorIs(t, err, vault.ErrSignIn, "another vault")
	_, err = h.recover(t, right)
	require.NoError(t, err)
}

// N4: a relay that was withdrawn keeps a half that fits nothing, and the sheet in the
// person's drawer goes on working with the relays that stay.
func TestARelayThatGoesLeavesAWorthlessHalf(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	path := h.enrol(t, vault.PathSheetRelay, true)
	before := h.proof(t, vault.PathSheetRelay, path)
	other := space(t, h.Vaults, seal.KindRelay, "another relay's sheet")
	g, err := h.v.Give(t.Context(), vault.NewGrant{Holder: other.ID(), Scope: vault.ScopeSee}, h.secret())
	require.NoError(t, err)
	require.NoError(t, h.v.End(t.Context(), h.grant, ptr(h.secret())))
	_, err = h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: before, Password: "another password"})
	require.ErrorIs(t, err, vault.ErrSignIn)

	keys, err := other.OwnKeys(t.Context())
	require.NoError(t, err)
	v, err := h.Vaults.OpenGrant(t.Context(), h.v.ID(), g.ID, h.guest(keys, other.ID(), "help"))
	require.NoError(t, err)
	after := vault.PathProof{Path: path, Own: before.Own}
	require.NoError(t, v.Contribute(t.Context(), path, "test.contributed", nil, func(_ *storage.Tx, half vault.Half) error { after.Relay = half; return nil }))
	back, err := h.recover(t, after)
	require.NoError(t, err)
	require.NotNil(t, back)
}

// N4 for the desk: without the grant, its half fits nothing, nor as the other half of a
// path with a relay's; the sheet stays good with the desk that is let in next.
func TestADeskThatGoesLeavesAWorthlessHalf(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	released := [2][]byte{[]byte("what the witness releases: 32 B."), []byte("what it releases a month later..")}
	before := map[vault.PathKind]vault.PathProof{}
	for _, kind := range []vault.PathKind{vault.PathSheetDesk, vault.PathAnswersDesk, vault.PathHelpers} {
		before[kind] = h.proof(t, kind, h.enrol(t, kind, true))
	}
	p := before[vault.PathHelpers]
	p.Values = released
	before[vault.PathHelpers] = p

	require.NoError(t, h.v.End(t.Context(), h.byCall, ptr(h.secret())))
	all, err := h.v.Paths(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, p := range all {
		require.Equal(t, vault.PathUnusable, p.State, p.Kind)
	}
	for kind, p := range before {
		_, err = h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: p, Password: "another password"})
		require.ErrorIs(t, err, vault.ErrSignIn, kind)
	}

	h.desk = space(t, h.Vaults, seal.KindRelay, "the sheet of another desk")
	h.organisations[h.desk.ID()] = [16]byte{3}
	g, err := h.v.Give(t.Context(), vault.NewGrant{Holder: h.desk.ID(), Scope: vault.ScopeHelp}, h.secret())
	require.NoError(t, err)
	h.byCall = g.ID
	after := h.proof(t, vault.PathSheetDesk, before[vault.PathSheetDesk].Path)
	require.NotEqual(t, before[vault.PathSheetDesk].Desk, after.Desk)
	_, err = h.recover(t, after)
	require.NoError(t, err)
}

// N19: who leaves a desk or a relay may have kept its former key, with a copy of the
// store. The half that lay under it is worthless after the person's next sign-in.
func TestAHalfUnderAFormerKeyIsMadeAnewAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	for kind, changes := range map[vault.PathKind]func(h *helped) (*vault.Vault, string){
		vault.PathSheetDesk:  func(h *helped) (*vault.Vault, string) { return h.desk, "the sheet of the desk" },
		vault.PathSheetRelay: func(h *helped) (*vault.Vault, string) { return h.relay, sheet },
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			h := newHelped(t)
			before := h.proof(t, kind, h.enrol(t, kind, true))
			untouched := h.person.SignIn(t, h.Stage)
			require.Equal(t, before, h.proof(t, kind, before.Path), "a sign-in alone changes no half")
			require.NotContains(t, acts(t, untouched, 30), string(vault.ActSharedKeysChanged))

			holder, secret := changes(h)
			leaver := space(t, h.Vaults, seal.KindWorker, "of who leaves")
			g, err := holder.Give(t.Context(), vault.NewGrant{Holder: leaver.ID(), Scope: vault.ScopeTeam}, vault.Secret{Password: secret})
			require.NoError(t, err)
			require.NoError(t, holder.End(t.Context(), g.ID, &vault.Secret{Password: secret}))

			h.v = h.person.SignIn(t, h.Stage)
			_, err = h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: before, Password: "another password"})
			require.ErrorIs(t, err, vault.ErrSignIn)
			after := h.proof(t, kind, before.Path)
			_ = h.person.SignIn(t, h.Stage)
			require.Equal(t, after, h.proof(t, kind, before.Path), "once")
			require.NotContains(t, acts(t, h.v, 30), string(vault.ActSharedKeysChanged), "what is shared was in nobody else's hands by this")
			_, err = h.recover(t, after)
			require.NoError(t, err)
		})
	}
}

func TestWhatIsShownNeedsTheHelpersHalf(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	path := h.enrol(t, vault.PathAnswersRelay, false)
	half, err := h.contributed(t, h.grant, path)
	require.NoError(t, err)
	require.Nil(t, half.Private)
	f, err := h.Vaults.PathFacts(t.Context(), h.v.ID(), path, half, vault.Half{})
	require.NoError(t, err)
	require.Equal(t, "Your first school?", string(f.Shown))
	require.Equal(t, "salt", string(f.Params))
	require.False(t, f.Private)
	f, err = h.Vaults.PathFacts(t.Context(), h.v.ID(), path, vault.Half{}, vault.Half{})
	require.NoError(t, err)
	require.Nil(t, f.Shown)
	_, err = h.Vaults.PathFacts(t.Context(), h.v.ID(), path, vault.Half{Shared: seal.NewKey().Bytes()}, vault.Half{})
	require.ErrorIs(t, err, vault.ErrSignIn)
}

func TestAPathIsForThosePresentWithTheSecretAndInTheirOwnSession(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	n := vault.NewPath{Kind: vault.PathSheetRelay, ID: vault.NewPathID(), Own: seal.NewKey().Bytes()}
	change := vault.PathChange{Enrol: []vault.NewPath{n}}
	require.ErrorIs(t, h.v.ChangePaths(t.Context(), change, vault.Secret{Password: "a guess"}), vault.ErrSignIn)
	guest, err := h.open(t, h.grant)
	require.NoError(t, err)
	require.ErrorIs(t, guest.ChangePaths(t.Context(), change, h.secret()), vault.ErrNotAllowed)
	_, err = guest.Paths(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.ErrorIs(t, h.v.Contribute(t.Context(), n.ID, "test.contributed", nil, nil), vault.ErrNotAllowed)

	require.NoError(t, h.v.ChangePaths(t.Context(), change, h.secret()))
	require.NoError(t, h.v.ConfirmPath(t.Context(), n.ID))
	all, err := h.v.Paths(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, vault.PathConfirmed, all[0].State)
	require.Equal(t, []vault.ID{h.relay.ID()}, all[0].Helpers)
	require.NoError(t, h.v.ChangePaths(t.Context(), vault.PathChange{Withdraw: []vault.PathKind{vault.PathSheetRelay}}, h.secret()))
	all, err = h.v.Paths(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = h.contributed(t, h.grant, n.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
}

// F3, F4: from the moment when a path is enrolled, the witness evaluates at its counter as
// the policy says, and for nobody who merely asks.
func TestTheWitnessKnowsThePolicyOfAPathFromTheMomentWhenItIsInForce(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	path, input := vault.NewPathID(), [32]byte{'a'}
	made, generation, err := h.v.EvaluateNew(t.Context(), path, 0, input)
	require.NoError(t, err)
	require.NotZero(t, generation)
	n := vault.NewPath{Kind: vault.PathAnswersRelay, ID: path, Own: made[:]}
	require.NoError(t, h.v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, h.secret()))
	_, _, err = h.v.EvaluateNew(t.Context(), path, 0, input)
	require.ErrorIs(t, err, vault.ErrWitnessAway, "refused")
	require.NoError(t, h.v.ChangePaths(t.Context(), vault.PathChange{Withdraw: []vault.PathKind{vault.PathAnswersRelay}}, h.secret()))
	_, _, err = h.v.EvaluateNew(t.Context(), path, 0, input)
	require.ErrorIs(t, err, vault.ErrWitnessAway, "and for ever")
	_, _, err = h.v.EvaluateNew(t.Context(), vault.NewPathID(), 0, input)
	require.NoError(t, err)
}

// F13: where relay and desk are one organisation, nobody comes in without something of
// the person's.
func TestOneOrganisationAloneHelpsNobodyInWithoutThem(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	n := vault.NewPath{Kind: vault.PathHelpers, ID: vault.NewPathID(), Values: [2][]byte{seal.NewKey().Bytes(), nil}}
	require.NoError(t, h.v.End(t.Context(), h.byCall, ptr(h.secret())))
	require.ErrorIs(t, h.v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, h.secret()), vault.ErrNoHelper)

	h.organisations[h.desk.ID()] = h.organisations[h.relay.ID()]
	g, err := h.v.Give(t.Context(), vault.NewGrant{Holder: h.desk.ID(), Scope: vault.ScopeHelp}, h.secret())
	require.NoError(t, err)
	h.byCall = g.ID
	require.ErrorIs(t, h.v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, h.secret()), vault.ErrOneOrganisation)
	h.enrol(t, vault.PathSheetDesk, true) // with something of the person's, it may be one
}

func TestWhatARecoveryDoesNotOpenIsLockedAndComesBackWithTheOldPassword(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	card, err := h.v.NewAccessCard(t.Context(), h.secret(), "402719")
	require.NoError(t, err)
	old := h.secret()
	addTo(t, h.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	diary := addTo(t, h.v, vault.NewDocument{Name: "Diary"}, []byte("private"))
	before, err := h.v.Overview(t.Context())
	require.NoError(t, err)
	require.Zero(t, before.Locked)

	path := h.enrol(t, vault.PathAnswersRelay, false)
	v, err := h.recover(t, h.proof(t, vault.PathAnswersRelay, path))
	require.NoError(t, err)
	require.Equal(t, []string{"Letter"}, papers(t, v))
	_, err = tryRead(t, v, diary.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Positive(t, o.Locked)

	// Life goes on, privately too.
	poem := addTo(t, v, vault.NewDocument{Name: "Poem"}, []byte("new and private"))
	_, err = v.OpenLocked(t.Context(), vault.Secret{Password: "not the old one"}, h.secret(), nil)
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = v.OpenLocked(t.Context(), old, vault.Secret{Password: "not the new one"}, nil)
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = h.Vaults.Unlock(t.Context(), vault.Password{Login: h.person.Login, Secret: old.Password})
	require.ErrorIs(t, err, vault.ErrSignIn, "it opens nothing else")
	_, err = h.Vaults.UnlockCard(t.Context(), vault.CardSignIn{Card: card.Code, PIN: "402719"})
	require.ErrorIs(t, err, vault.ErrSignIn)

	n, err := v.OpenLocked(t.Context(), vault.Secret{Card: card.Code, PIN: "402719"}, h.secret(), nil)
	require.NoError(t, err)
	require.Equal(t, o.Locked, n)
	require.Equal(t, []string{"Diary", "Letter", "Poem"}, papers(t, v))
	require.Equal(t, []byte("private"), read(t, v, diary.ID))
	again := h.person.SignIn(t, h.Stage)
	require.Equal(t, []byte("private"), read(t, again, diary.ID))
	require.Equal(t, []byte("new and private"), read(t, again, poem.ID))
	after, err := again.Overview(t.Context())
	require.NoError(t, err)
	require.Zero(t, after.Locked)
	_, err = again.OpenLocked(t.Context(), old, h.secret(), nil)
	require.ErrorIs(t, err, vault.ErrNotFound)
}

// F8, C5: what the store altered of a path does not outlive the one that takes its place,
// nor its withdrawal.
func TestAPathWhosePaperWasAlteredEndsAsAnyOther(t *testing.T) {
	t.Parallel()
	anew := vault.NewPath{Kind: vault.PathSheetRelay, ID: vault.NewPathID(), Own: seal.NewKey().Bytes()}
	for name, change := range map[string]vault.PathChange{
		"withdrawn": {Withdraw: []vault.PathKind{vault.PathSheetRelay}},
		"made anew": {Enrol: []vault.NewPath{anew}},
	} {
		h := newHelped(t)
		lost := h.proof(t, vault.PathSheetRelay, h.enrol(t, vault.PathSheetRelay, true))
		other := h.proof(t, vault.PathAnswersRelay, h.enrol(t, vault.PathAnswersRelay, false))
		paper := h.v.ID().String() + "/o/" + vault.ID{14: byte(vault.PathSheetRelay), 15: 35}.String()
		set(t, h.Store, paper, flipped(get(t, h.Store, paper), 60))
		all, err := h.v.Paths(t.Context())
		require.ErrorIs(t, err, vault.ErrTampered)
		require.Len(t, all, 1, "the others are there")

		require.NoError(t, h.v.ChangePaths(t.Context(), change, h.secret()), name)
		all, err = h.v.Paths(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1+len(change.Enrol))
		_, err = h.Vaults.Recover(t.Context(), vault.Recovery{Vault: h.v.ID(), Proof: lost, Password: "another password"})
		require.ErrorIs(t, err, vault.ErrSignIn, name)
		if change.Enrol == nil {
			_, err = h.recover(t, other)
			require.NoError(t, err, "the others still open")
		}
	}
}
