package vault_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestARestoreIsShownUntilThePersonConfirmsIt(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	paper := add(t, r.person.Vault, "kept", content(1, 700))
	day, taken := r.backup(t), r.stage.Clock.Now()
	r.stage.Clock.Advance(26 * time.Hour)
	addNote(t, r.signIn(t), "lost", "")
	none, err := r.signIn(t).Restores(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)

	r.putBack(t, day)
	r.state(t, 1, taken)
	accepted := r.stage.Clock.Now()
	for range 2 { // taken at the first sign-in, shown at each
		v := r.signIn(t)
		o := overview(t, v)
		require.Contains(t, o.Notices, vault.NoticeRestored)
		require.Equal(t, taken, o.RestoredTo)
		requireToldOfRestore(t, v, taken)
		require.Equal(t, []string{"kept"}, papers(t, v))
		require.Equal(t, content(1, 700), read(t, v, paper.ID))
		r.restart(t)
	}
	v := r.signIn(t)
	r.stage.Clock.Advance(time.Minute)
	require.NoError(t, v.ConfirmRestored(t.Context()))
	require.Equal(t, string(vault.ActRestoreConfirmed), acts(t, v, 1)[0])
	require.NoError(t, v.ConfirmRestored(t.Context()), "again")
	require.Equal(t, string(vault.ActJournalRead), acts(t, v, 1)[0], "and there is nothing to note")
	r.restart(t)
	v = r.signIn(t)
	o := overview(t, v)
	require.NotContains(t, o.Notices, vault.NoticeRestored)
	require.Zero(t, o.RestoredTo)
	restores, err := v.Restores(t.Context())
	require.NoError(t, err)
	require.Equal(t, []vault.Restored{{Taken: taken, Accepted: accepted, Confirmed: accepted.Add(time.Minute)}}, restores)
}

func TestAfterARestoreTheSecretsOfTodayAreInForceAndEverythingOfTheBackupIsReadable(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	v := r.person.Vault
	fill(t, v, 40)
	paper := add(t, v, "Carte", content(1, 4000))
	shared := addTo(t, v, vault.NewDocument{Name: "Bail", Compartment: vault.Shared}, content(2, 4000))
	old := *r.person
	day, taken := r.backup(t), r.stage.Clock.Now()
	known := papers(t, r.signIn(t))

	v = r.signIn(t)
	const next = "gato niru pesa fova"
	require.NoError(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: old.Password, New: next, KnownToOthers: true}))
	r.person.Password = next
	addNote(t, v, "lost", "")
	r.stage.Clock.Advance(time.Hour)

	r.putBack(t, day)
	r.state(t, 1, taken)
	_, err := r.Unlock(t.Context(), old.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn, "the old password stays dead")
	require.NotErrorIs(t, err, vault.ErrTampered)
	v = r.signIn(t)
	require.Equal(t, known, papers(t, v))
	require.Equal(t, content(1, 4000), read(t, v, paper.ID))
	require.Equal(t, content(2, 4000), read(t, v, shared.ID))
	requireToldOfRestore(t, v, taken)
	for _, it := range []vault.Item{paper, shared} {
		m, err := v.Metadata(t.Context(), it.ID)
		require.NoError(t, err)
		require.EqualValues(t, 2, m.Generation, "and is sealed under the keys of today")
	}
	addNote(t, v, "goes on", "")
	r.restart(t)
	require.Len(t, papers(t, r.signIn(t)), len(known)+1)
	_, err = r.Unlock(t.Context(), old.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
}

// N5: who steals the credential of a client raises checkpoints to what never was.
func TestAFalselyRaisedCheckpointIsSetRight(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	paper := add(t, r.person.Vault, "Carte", content(1, 500))
	r.restart(t)
	v := r.signIn(t)
	for _, head := range []string{"shared", "journal"} {
		_, err := r.witness.Raise(t.Context(), r.id(), []vault.Checkpoint{{Head: head, Version: 1 << 40, Hash: [32]byte{1}}}, nil, true)
		require.NoError(t, err)
	}
	r.stage.Clock.Advance(time.Minute)
	_, err := v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrStale)
	r.requireStale(t, r.Vaults, "it refuses service")

	r.state(t, 1, r.stage.Clock.Now())
	again := r.signIn(t)
	require.Equal(t, content(1, 500), read(t, again, paper.ID))
	require.Equal(t, []string{"Carte"}, papers(t, v), "who was signed in goes on")
	r.restart(t)
	require.Equal(t, []string{"Carte"}, papers(t, r.signIn(t)))
}

func TestAVaultYoungerThanTheBackupBeginsAgainEmpty(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	r.stage.Person(t)
	first := r.id().String()
	day := r.backup(t)
	for key := range day { // before the vault was made
		if strings.Contains(key, first) {
			delete(day, key)
		}
	}
	for _, login := range keys(t, r.stage.Store, "login/") {
		delete(day, login)
	}
	add(t, r.signIn(t), "lost", content(1, 500))
	r.putBack(t, day)
	heads, err := vault.StoredHeads(t.Context(), r.stage.Store, r.id())
	require.NoError(t, err)
	require.Equal(t, []vault.Checkpoint{{Head: "shared"}, {Head: "private"}, {Head: "journal"}}, heads)
	_, err = r.Unlock(t.Context(), r.person.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.ErrorIs(t, err, vault.ErrTampered, "a store that lost everything, and nobody who says why")

	taken := r.stage.Clock.Now()
	r.state(t, 1, taken)
	v := r.signIn(t)
	require.Empty(t, papers(t, v))
	requireToldOfRestore(t, v, taken)
	login, err := v.Login(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.person.Login, login)
	paper := add(t, v, "new", content(2, 500))
	_, err = v.AddNote(t.Context(), "shared", vault.Note{}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	r.restart(t)
	require.Equal(t, content(2, 500), read(t, r.signIn(t), paper.ID))
}

func TestAClosedAccountThatIsRestoredIsErasedOnItsDay(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	day, taken := r.backup(t), r.stage.Clock.Now()
	_, err := r.signIn(t).CloseAccount(t.Context(), r.person.Password)
	require.NoError(t, err)
	r.putBack(t, day)
	r.state(t, 1, taken)
	v := r.signIn(t)
	require.Contains(t, overview(t, v).Notices, vault.NoticeClosing)
	r.stage.Clock.Advance(vault.ClosedKeeps + time.Hour)
	for range 2 {
		_, err = r.Sweep(t.Context())
		require.NoError(t, err)
		r.stage.Clock.Advance(time.Hour)
	}
	_, err = r.Unlock(t.Context(), r.person.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.Equal(t, []string{r.id().String() + "/h/o"}, keys(t, r.stage.Store, r.id().String()+"/"))
	latest, err := r.witness.Latest(t.Context(), r.id())
	require.NoError(t, err)
	require.Len(t, latest, 1, "and the witness knows")
}

func TestTheLaterOfTwoRestoresIsTaken(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	one, first := r.backup(t), r.stage.Clock.Now()
	addNote(t, r.signIn(t), "second day", "")
	r.stage.Clock.Advance(24 * time.Hour)
	two, second := r.backup(t), r.stage.Clock.Now()
	addNote(t, r.signIn(t), "lost", "")
	r.stage.Clock.Advance(24 * time.Hour)
	r.putBack(t, one) // the wrong day; nobody has signed in since
	r.state(t, 1, first)
	r.putBack(t, two)
	r.requireStale(t, r.Vaults, "the statement is about the other day")
	r.state(t, 2, second)
	v := r.signIn(t)
	require.Equal(t, []string{"second day"}, papers(t, v))
	requireToldOfRestore(t, v, second)

	r.stage.Clock.Advance(24 * time.Hour)
	r.putBack(t, one) // a third one, after the second was taken
	r.state(t, 3, first)
	v = r.signIn(t)
	require.Empty(t, papers(t, v))
	requireToldOfRestore(t, v, second, first)
	require.Equal(t, first, overview(t, v).RestoredTo)
	require.NoError(t, v.ConfirmRestored(t.Context()))
	restores, err := v.Restores(t.Context())
	require.NoError(t, err)
	for _, r := range restores {
		require.NotZero(t, r.Confirmed)
	}
}

func TestNothingIsTakenWithoutTheKeysOrTheWitness(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	day, taken := r.backup(t), r.stage.Clock.Now()
	addNote(t, r.signIn(t), "lost", "")
	r.putBack(t, day)
	r.state(t, 1, taken)
	r.requireStale(t, r.another(t, nil, r.witness, r.witness), "a service that accepts no restores")
	stranger := seal.NewSigningKey()
	for _, keys := range []*vault.RestoreKeys{
		{Operator: stranger.Public(), Witness: r.witness.PublicKey()},
		{Operator: r.operator.Public(), Witness: stranger.Public()},
		{Operator: r.witness.PublicKey(), Witness: r.operator.Public()},
	} {
		r.requireStale(t, r.another(t, keys, r.witness, r.witness), "other keys are pinned")
	}
	before := dump(t, r.stage.Store)
	w := &faultyWitness{Checkpoints: r.witness, Limiter: r.witness}
	silent := r.another(t, r.keys(), unstated{w}, w)
	_, err := silent.Unlock(t.Context(), r.person.Secret())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	w.away.Store(true) // for good: whoever signed in now would write past the statement
	_, err = r.another(t, r.keys(), w, w).Unlock(t.Context(), r.person.Secret())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	require.Equal(t, before, dump(t, r.stage.Store))
	r.stage.Clock.Advance(vaultWait)
	requireToldOfRestore(t, r.signIn(t), taken)
	_, err = r.another(t, r.keys(), w, w).Unlock(t.Context(), r.person.Secret())
	require.NoError(t, err, "as before, once it is taken")
}

// unstated is a witness that shows the epoch and does not hand out the statement.
type unstated struct{ vault.Checkpoints }

func (unstated) Restored(context.Context, [16]byte) ([]byte, error) { return nil, errAway }

func TestConfigNeedsTwoDifferentKeysForARestore(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	one, other := seal.NewSigningKey().Public(), seal.NewSigningKey().Public()
	for _, keys := range []*vault.RestoreKeys{{}, {Operator: one}, {Witness: one}, {Operator: one, Witness: one}, {Operator: one[:31], Witness: other}} {
		_, err := vault.New(t.Context(), vault.Config{
			Store: stage.Store, Blobs: stage.Blobs, Keeper: stage.Keeper, Checkpoints: stage.Witness, Limiter: stage.Witness, Quota: stage.Quota, Restore: keys,
		})
		requireInvalid(t, err, "Config.Restore")
	}
}

func TestASpoiltPaperAboutARestoreHidesNothing(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	day, taken := r.backup(t), r.stage.Clock.Now()
	addNote(t, r.signIn(t), "lost", "")
	r.putBack(t, day)
	r.state(t, 1, taken)
	papers := keys(t, r.stage.Store, r.id().String()+"/o/")
	r.signIn(t)
	for _, key := range keys(t, r.stage.Store, r.id().String()+"/o/") {
		if !strings.Contains(fmt.Sprint(papers), key) {
			set(t, r.stage.Store, key, nil)
		}
	}
	r.restart(t)
	o := overview(t, r.signIn(t))
	require.Contains(t, o.Notices, vault.NoticeRestored)
	require.Contains(t, o.Notices, vault.NoticeDamaged)
	require.Zero(t, o.RestoredTo)
	_, err := r.signIn(t).Restores(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
}

// A backup of before a recovery that did not open Private brings its head back. Nobody is
// locked out by that: what was locked is what the backup had, and comes back with the old
// password.
func TestABackupOfBeforeARecoveryLeavesWhatIsLockedLocked(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	r.register = &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	r.restart(t)
	v := r.signIn(t)
	relay := space(t, r.Vaults, seal.KindRelay, sheet)
	worker := space(t, r.Vaults, seal.KindWorker, "worker's own password")
	own, err := worker.OwnKeys(t.Context())
	require.NoError(t, err)
	keys, err := relay.OwnKeys(t.Context())
	require.NoError(t, err)
	samir := vault.Actor{Kind: vault.ActorWorker, ID: worker.ID().String(), RelayID: relay.ID().String()}
	r.register.members["samir"] = vault.Signer{Actor: samir, Key: own.Signer.Public(), Named: func(string) bool { return true }}

	old := vault.Secret{Password: r.person.Password}
	g, err := v.Give(t.Context(), vault.NewGrant{Holder: relay.ID(), Scope: vault.ScopeSee}, old)
	require.NoError(t, err)
	n := vault.NewPath{Kind: vault.PathSheetRelay, ID: vault.NewPathID(), Own: content(1, 32)}
	require.NoError(t, v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, old))
	diary := add(t, v, "Diary", content(2, 700))
	require.NoError(t, v.FillPrivate(t.Context(), pagesOfMany, 0)) // more pages than one commit takes
	day, taken := r.backup(t), r.stage.Clock.Now()

	v = r.signIn(t)
	add(t, v, "written since", content(3, 700))
	proof := vault.PathProof{Path: n.ID, Own: n.Own}
	guest, err := r.OpenGrant(t.Context(), r.id(), g.ID, vault.Guest{Actor: samir, Signer: own.Signer, Credential: []byte("samir"), Holder: relay.ID(), Keys: keys.Inboxes})
	require.NoError(t, err)
	require.NoError(t, guest.Contribute(t.Context(), n.ID, "test.contributed", nil, func(_ *storage.Tx, h vault.Half) error { proof.Relay = h; return nil }))
	r.person.Password = "a password of after"
	v, err = r.Recover(t.Context(), vault.Recovery{Vault: r.id(), Proof: proof, Password: r.person.Password})
	require.NoError(t, err)
	add(t, v, "private after", content(4, 700))

	r.putBack(t, day)
	r.state(t, 1, taken)
	v = r.signIn(t)
	require.Empty(t, papers(t, v))
	require.Positive(t, overview(t, v).Locked)
	add(t, v, "and life goes on", content(5, 700))
	_, err = v.OpenLocked(t.Context(), old, vault.Secret{Password: r.person.Password}, nil)
	require.NoError(t, err)
	v = r.signIn(t)
	require.Equal(t, []string{"and life goes on", "Diary"}, papers(t, v))
	require.Equal(t, content(2, 700), read(t, v, diary.ID))
	require.Zero(t, overview(t, v).Locked)
	_, pages, err := v.PrivateEntries(t.Context())
	require.NoError(t, err)
	require.Less(t, pages, pagesOfMany, "what is empty does not join")
}
