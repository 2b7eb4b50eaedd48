package vault_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// strangeCode is the code of a link that there never was on the stages of other tests.
func strangeCode(t *testing.T) string {
	t.Helper()
	return depositLink(t, newScene(t, nil).v, "elsewhere").Code
}

// answers is all that who has the code of a link can learn with it: what each call says, and
// how often the store was asked, which takes the time that it takes.
func answers(t *testing.T, w *watched, code string) map[string]string {
	t.Helper()
	said := map[string]string{}
	for name, call := range map[string]func() error{
		"face": func() error { _, err := w.FaceOfLink(t.Context(), code); return err },
		"open": func() error { _, err := readLink(t, w.Stage, code); return err },
		"leave": func() error {
			return w.LeaveByLink(t.Context(), code, vault.NewDocument{Name: "x"}, bytes.NewReader(drawing(10)))
		},
		"note": func() error { return w.LeaveNoteByLink(t.Context(), code, "x", vault.Note{}, "") },
	} {
		w.heal()
		err := call()
		said[name] = fmt.Sprint(err, ", after calls: ", w.store.Calls())
	}
	return said
}

// With as many links as there can be, and more records than one commit deletes: whoever has
// a poster's code learns from the instant of the erasure on nothing that a guess does not tell.
func TestAnErasedVaultsLinkIsAsOneThatNeverWas(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	id := p.Vault.ID()
	var codes []string
	for n := range vault.MaxLinks - 1 {
		codes = append(codes, depositLink(t, p.Vault, fmt.Sprint("poster ", n)).Code)
	}
	s := &scene{Stage: w.Stage, person: p, v: p.Vault}
	codes = append(codes, s.linkTo(t, p.Vault, add(t, p.Vault, "Paper", content(1, 1000)), 3).Code)
	for n := range 100 {
		set(t, w.Store, fmt.Sprintf("%s/n/%03d", id, n), []byte("x"))
	}
	never := answers(t, w, strangeCode(t))
	require.NotEqual(t, never, answers(t, w, codes[0]))

	_, err := p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	require.Empty(t, keys(t, w.Store, "link/"), "before any sweep")
	for _, code := range []string{codes[0], codes[len(codes)-1]} {
		require.Equal(t, never, answers(t, w, code))
	}
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
	require.Equal(t, never, answers(t, w, codes[0]))
}

// What was sealed to a relay opens with the relay's own keys alone, so it goes in the erasing
// commit: also where the person has as many links as there can be, and the keyslots of what
// stayed locked after recoveries.
func TestAGrantIsGoneWithTheKeysHoweverManyLinksThereAre(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t, vault.ScopeSee)
	for n := range vault.MaxLinks {
		depositLink(t, tn.v, fmt.Sprint("poster ", n))
	}
	id := tn.v.ID()
	for n := range 40 {
		set(t, tn.Store, fmt.Sprintf("%s/s/%03d", id, n), []byte("x"))
	}
	_, err := tn.v.Erase(t.Context(), tn.person.Password)
	require.NoError(t, err)
	require.Empty(t, keys(t, tn.Store, id.String()+"/g/"), "before any sweep")
	require.Empty(t, keys(t, tn.Store, "link/"))
}

// The store brings links back when the vault is gone: they go with the sweeper, each with
// where its code leads. A record in the name of another vault's link takes nothing from that.
func TestTheSweeperLeavesNothingThatLeadsToAnErasedVault(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, other := w.Person(t), w.Person(t)
	id := p.Vault.ID()
	gone, kept := depositLink(t, p.Vault, "gone"), depositLink(t, other.Vault, "kept")
	before := dump(t, w.Store)
	_, err := p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	for _, key := range []string{"link/" + gone.ID.String(), id.String() + "/ln/" + gone.ID.String()} {
		set(t, w.Store, key, before[key])
	}
	set(t, w.Store, id.String()+"/ln/"+kept.ID.String(), []byte("not its record"))
	for n := range 70 { // and as many as take more than one commit
		var l vault.LinkID
		l[0] = byte(n + 1)
		set(t, w.Store, id.String()+"/ln/"+l.String(), []byte("x"))
		set(t, w.Store, "link/"+l.String(), id[:])
	}
	_, err = w.FaceOfLink(t.Context(), gone.Code)
	require.ErrorIs(t, err, vault.ErrEnded)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
	require.Equal(t, []string{"link/" + kept.ID.String()}, keys(t, w.Store, "link/"))
	require.NoError(t, w.LeaveNoteByLink(t.Context(), kept.Code, "x", vault.Note{}, ""))
}

// The backup is older than the end of a link, or of the vault: what leads there is gone again
// when the restore is settled, also where the backup has it without the record of its link.
func TestABackupBringsNothingBackThatLeadsToALinkThatIsOver(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	v := r.signIn(t)
	ended, kept := depositLink(t, v, "ended"), depositLink(t, v, "kept")
	other := r.newPerson(t)
	erased := depositLink(t, other.Vault, "erased")
	id, stray := other.Vault.ID(), vault.LinkID{1}
	day := r.backup(t)
	day["link/"+stray.String()] = id[:]

	v = r.signIn(t)
	require.NoError(t, v.EndLink(t.Context(), ended.ID))
	again, err := r.Unlock(t.Context(), other.Secret())
	require.NoError(t, err)
	_, err = again.Erase(t.Context(), other.Password)
	require.NoError(t, err)
	r.restart(t)
	putBack(t, r.stage.Store, day)
	require.NotNil(t, get(t, r.stage.Store, "link/"+erased.ID.String()))

	gone := map[vault.ID]bool{}
	for _, who := range []vault.ID{r.id(), id} {
		owner, side, err := r.witness.OwnerSide(t.Context(), who)
		require.NoError(t, err)
		gone[who], err = r.PutBackOwner(t.Context(), who, owner, side)
		require.NoError(t, err)
	}
	require.Equal(t, map[vault.ID]bool{r.id(): false, id: true}, gone)
	require.ElementsMatch(t, []string{"link/" + kept.ID.String(), "link/" + stray.String()}, keys(t, r.stage.Store, "link/"))
	delete(gone, r.id())
	require.NoError(t, r.DropLeads(t.Context(), gone))
	require.Equal(t, []string{"link/" + kept.ID.String()}, keys(t, r.stage.Store, "link/"))
}
