package vault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// returned is somebody who came back in without what was private, in a service that can
// be put back from a backup.
type returned struct {
	*restorable
	relay  *vault.Vault
	sealed vault.OwnKeys // the relay's
	own    vault.OwnKeys
	samir  vault.Actor
	before vault.Secret // the password of before
	diary  vault.ItemID
	all    []vault.ItemID // what was private
}

// newReturned has one page with the diary, and each on as many others as one commit
// does not take.
func newReturned(t *testing.T, each int) *returned {
	t.Helper()
	r := &returned{restorable: newRestorable(t, vaulttest.New(t, nil))}
	r.register = &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	r.restart(t)
	v := r.signIn(t)
	r.relay = space(t, r.Vaults, seal.KindRelay, sheet)
	worker := space(t, r.Vaults, seal.KindWorker, "worker's own password")
	var err error
	r.own, err = worker.OwnKeys(t.Context())
	require.NoError(t, err)
	r.sealed, err = r.relay.OwnKeys(t.Context())
	require.NoError(t, err)
	r.samir = vault.Actor{Kind: vault.ActorWorker, ID: worker.ID().String(), RelayID: r.relay.ID().String()}
	r.register.members["samir"] = vault.Signer{Actor: r.samir, Key: r.own.Signer.Public(), Named: func(string) bool { return true }}
	r.diary = add(t, v, "Diary", content(2, 700)).ID
	require.NoError(t, v.FillPrivate(t.Context(), pagesOfMany, each))
	r.all = privateEntries(t, v)
	r.comeBack(t, "a password of after")
	return r
}

func (r *returned) now() vault.Secret { return vault.Secret{Password: r.person.Password} }

// comeBack forgets the password, and comes back by a sheet and a relay.
func (r *returned) comeBack(t *testing.T, password string) {
	t.Helper()
	proof := r.proof(t)
	r.before = r.now()
	r.recoverBy(t, proof, password)
}

// proof is what opens a way back in by a sheet and a relay, which is made for it.
func (r *returned) proof(t *testing.T) vault.PathProof {
	t.Helper()
	v, secret := r.signIn(t), r.now()
	g, err := v.Give(t.Context(), vault.NewGrant{Holder: r.relay.ID(), Scope: vault.ScopeSee}, secret)
	require.NoError(t, err)
	n := vault.NewPath{Kind: vault.PathSheetRelay, ID: vault.NewPathID(), Own: content(1, 32)}
	require.NoError(t, v.ChangePaths(t.Context(), vault.PathChange{Enrol: []vault.NewPath{n}}, secret))
	r.signIn(t)
	proof := vault.PathProof{Path: n.ID, Own: n.Own}
	guest, err := r.OpenGrant(t.Context(), r.id(), g.ID, vault.Guest{Actor: r.samir, Signer: r.own.Signer, Credential: []byte("samir"), Holder: r.relay.ID(), Keys: r.sealed.Inboxes})
	require.NoError(t, err)
	require.NoError(t, guest.Contribute(t.Context(), n.ID, "test.contributed", nil, func(_ *storage.Tx, h vault.Half) error { proof.Relay = h; return nil }))
	return proof
}

func (r *returned) recoverBy(t *testing.T, proof vault.PathProof, password string) {
	t.Helper()
	r.person.Password = password
	_, err := r.Recover(t.Context(), vault.Recovery{Vault: r.id(), Proof: proof, Password: password})
	require.NoError(t, err)
}

// open opens what is locked with an old password.
func (r *returned) open(t *testing.T, old vault.Secret) {
	t.Helper()
	_, err := r.signIn(t).OpenLocked(t.Context(), old, r.now(), nil)
	require.NoError(t, err)
}

// restore puts the service back to a day.
func (r *returned) restore(t *testing.T, day map[string][]byte, taken time.Time) *vault.Vault {
	t.Helper()
	r.putBack(t, day)
	r.state(t, 1, taken)
	return r.signIn(t)
}

// requireAll demands that everything private is there, without any old secret, once.
func (r *returned) requireAll(t *testing.T, v *vault.Vault) {
	t.Helper()
	require.Zero(t, overview(t, v).Locked)
	require.Equal(t, content(2, 700), read(t, v, r.diary))
	requireEach(t, privateEntries(t, v), r.all)
	require.Empty(t, keys(t, r.stage.Store, r.id().String()+"/l/"))
	r.restart(t)
	requireEach(t, privateEntries(t, r.signIn(t)), r.all)
}

func TestWhatWasLockedOnTheDayOfABackupAndIsOpenedSinceIsThereAfterTheRestore(t *testing.T) {
	t.Parallel()
	for name, pages := range map[string]int{"opened": -1, "half joined": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturned(t, 1)
			poem := add(t, r.signIn(t), "private after", content(4, 700))
			day, taken := r.backup(t), r.stage.Clock.Now()
			if pages < 0 {
				r.open(t, r.before)
			} else {
				require.NoError(t, r.signIn(t).BeginOpenLocked(t.Context(), r.before, r.now(), pages))
			}
			v := r.restore(t, day, taken)
			require.Equal(t, content(4, 700), read(t, v, poem.ID))
			r.requireAll(t, v)
		})
	}
}

func TestABackupOfWhileItJoinedLosesNothing(t *testing.T) {
	t.Parallel()
	for name, done := range map[string]bool{"all joined since": true, "some joined since": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReturned(t, 1)
			v := r.signIn(t)
			require.NoError(t, v.BeginOpenLocked(t.Context(), r.before, r.now(), 1))
			day, taken := dump(t, r.stage.Store), r.stage.Clock.Now()
			require.Len(t, keys(t, r.stage.Store, r.id().String()+"/l/1/x/"), pagesOfMany+1-20)
			if done {
				r.requireAll(t, r.signIn(t))
			} else {
				require.NoError(t, v.JoinSome(t.Context()))
			}
			r.requireAll(t, r.restore(t, day, taken))
		})
	}
}

// C8: the journal of the day names the head that was locked.
func TestAStoreThatShowsAnotherHeadOfWhatWasLockedIsRefused(t *testing.T) {
	t.Parallel()
	r := newReturned(t, 1)
	day, taken := r.backup(t), r.stage.Clock.Now()
	prefix := r.id().String() + "/l/1/"
	r.open(t, r.before)
	r.comeBack(t, "and forgotten again") // another that was locked, by the same person's keys
	r.open(t, r.before)
	other := r.backup(t)
	r.putBack(t, day)
	set(t, r.stage.Store, prefix+"h", other[r.id().String()+"/h/p"])
	r.state(t, 1, taken)
	v := r.signIn(t)
	require.Empty(t, privateEntries(t, v))
	require.Zero(t, overview(t, v).Locked)
}

// B3: what had joined before the backup, and was destroyed since, stays destroyed.
func TestAStoreThatBringsBackWhatHadJoinedBringsBackNothingDestroyed(t *testing.T) {
	t.Parallel()
	r := newReturned(t, 0)
	locked := dump(t, r.stage.Store)
	r.open(t, r.before)
	v := r.signIn(t)
	require.NoError(t, v.Destroy(t.Context(), r.diary, 1))
	kept := privateEntries(t, v)
	require.NotContains(t, kept, r.diary)
	day, taken := r.backup(t), r.stage.Clock.Now()
	r.putBack(t, day)
	for key, value := range locked {
		if strings.HasPrefix(key, r.id().String()+"/l/1/") {
			set(t, r.stage.Store, key, value)
		}
	}
	r.state(t, 1, taken)
	require.Equal(t, kept, privateEntries(t, r.signIn(t)))
}

// Lines of before the details were noted name no records. What the store has must then
// open with the person's own keys.
func TestWhatWasLockedBeforeTheLineNamedItIsThereAfterTheRestore(t *testing.T) {
	t.Parallel()
	r := newReturned(t, 1)
	require.NoError(t, r.signIn(t).NoteLockedAsBefore(t.Context()))
	day, taken := r.backup(t), r.stage.Clock.Now()
	r.open(t, r.before)
	r.requireAll(t, r.restore(t, day, taken))
}

// What was opened and then locked once more, with all else, waits with that.
func TestWhatIsOpenedAndLockedAgainSinceWaitsForTheLaterPassword(t *testing.T) {
	t.Parallel()
	r := newReturned(t, 1)
	poem := add(t, r.signIn(t), "private after", content(4, 700))
	day, taken := r.backup(t), r.stage.Clock.Now()
	r.open(t, r.before)
	r.comeBack(t, "and forgotten again")
	v := r.restore(t, day, taken)
	require.Empty(t, privateEntries(t, v))
	require.Positive(t, overview(t, v).Locked)
	r.open(t, r.before)
	v = r.signIn(t)
	require.Equal(t, content(4, 700), read(t, v, poem.ID))
	r.requireAll(t, v)
}

// Nobody is locked out by an older one that was opened before what is restored.
func TestAnOlderOneThatIsOpenedFirstKeepsNobodyOutAfterARestore(t *testing.T) {
	t.Parallel()
	r := newReturned(t, 1)
	first := r.before
	poem := add(t, r.signIn(t), "private after", content(4, 700))
	day, taken := r.backup(t), r.stage.Clock.Now()
	r.comeBack(t, "and forgotten again")
	r.open(t, first)
	v := r.restore(t, day, taken)
	requireEach(t, privateEntries(t, v), r.all)
	require.Positive(t, overview(t, v).Locked)
	r.open(t, r.before)
	v = r.signIn(t)
	require.Equal(t, content(4, 700), read(t, v, poem.ID))
	r.requireAll(t, v)
}
