package vault_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// opts are those of another service over the same town.
func (tn *town) opts() *vaulttest.Options {
	return &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return tn.register, nil }}
}

func leaveNote(t testing.TB, v *vault.Vault, name string) vault.ItemID {
	t.Helper()
	l, err := v.LeaveNote(t.Context(), name, vault.Note{Text: "text of " + name}, vault.Place{})
	require.NoError(t, err)
	return l.Item
}

func TestAThousandThingsAreTakenInAtOnceAndNoneTwice(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	n := sized(120, vault.MaxWaiting)
	for i := range n {
		leaveNote(t, giver, fmt.Sprintf("note %04d", i))
	}
	if n == vault.MaxWaiting {
		_, err := giver.LeaveNote(t.Context(), "one more", vault.Note{}, vault.Place{})
		require.ErrorIs(t, err, vault.ErrTooMany)
	}
	v := tn.person.SignIn(t, tn.Stage)
	got := papers(t, v)
	require.Len(t, got, n)
	for i, name := range got {
		require.Equal(t, fmt.Sprintf("note %04d", i), name)
	}
	require.Empty(t, waiting(t, tn.Store, v.ID()))
	requireBooks(t, tn.Stage, v.ID())
	var commits int
	for _, e := range requireJournal(t, v) {
		if e.Act == vault.ActTakenIn {
			commits++
		}
	}
	require.LessOrEqual(t, commits, n/35+1, "about forty in a commit")
	leaveNote(t, giver, "after that there is room again")
	require.Len(t, papers(t, tn.person.SignIn(t, tn.Stage)), n+1)
}

func TestSigningInReadsNoJournalWhereNothingWaits(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	leaveNote(t, giver, "one")
	_, err := tn.v.TakeIn(t.Context())
	require.NoError(t, err)
	for range 5 {
		addNote(t, tn.v, "n", "x")
	}
	w := watch(t, tn.Stage, tn.opts())
	_, err = w.Unlock(t.Context(), tn.person.Secret())
	require.NoError(t, err)
	require.Zero(t, w.line.scans(tn.v.ID().String()+"/j/"))
	leaveNote(t, giver, "two")
	_, err = w.Unlock(t.Context(), tn.person.Secret())
	require.NoError(t, err)
	require.NotZero(t, w.line.scans(tn.v.ID().String()+"/j/"))
}

func TestTwoProcessesTakeInEachThingOnce(t *testing.T) {
	t.Parallel()
	for range sized(2, 6) {
		tn := newTown(t, nil)
		giver := tn.giver(t)
		for i := range 90 {
			leaveNote(t, giver, fmt.Sprint("note ", i))
		}
		stages := []*vaulttest.Stage{tn.Another(t, tn.opts()), tn.Another(t, tn.opts())}
		open := []*vault.Vault{tn.v}
		for _, stage := range stages {
			v, err := stage.Resume(t.Context(), tn.v.Token())
			require.NoError(t, err)
			open = append(open, v)
		}
		var wg sync.WaitGroup
		taken := make([]vault.TakenIn, len(open))
		errs := make([]error, len(open))
		for i, v := range open {
			wg.Go(func() { taken[i], errs[i] = v.TakeIn(t.Context()) })
		}
		wg.Go(func() { leaveNote(t, giver, "meanwhile") })
		wg.Wait()
		sum := 0
		for i := range open {
			require.NoError(t, errs[i])
			require.Zero(t, taken[i].Missing+taken[i].Refused)
			sum += taken[i].Items
		}
		last, err := tn.v.TakeIn(t.Context())
		require.NoError(t, err)
		require.Equal(t, 91, sum+last.Items)
		require.Len(t, papers(t, tn.v), 91)
		requireBooks(t, tn.Stage, tn.v.ID())
	}
}

func TestKeysMayChangeWhileThingsWait(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	worker, it := tn.sharing(t, vault.ScopeAdd, content(1, 5000))
	giver := tn.giver(t)
	id := leaveNote(t, giver, "before")
	shared, err := giver.LeaveNote(t.Context(), "for all", vault.Note{}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, 1))
	all, err := tn.v.Grants(t.Context())
	require.NoError(t, err)
	secret := tn.secret()
	for _, g := range all { // Shared gets new keys
		require.NoError(t, tn.v.End(t.Context(), g.ID, &secret))
	}
	next := "another good password"
	require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: next, KnownToOthers: true}))
	tn.person.Password = next
	require.Len(t, waiting(t, tn.Store, tn.v.ID()), 3)
	v := tn.person.SignIn(t, tn.Stage)
	require.Equal(t, content(1, 5000), read(t, v, it.ID), "left while it was allowed: also taken in when the grant has ended")
	require.Equal(t, "before", item(t, v, id).Name)
	require.Equal(t, "for all", item(t, v, shared.Item).Name)
	requireBooks(t, tn.Stage, v.ID())
}

func TestAMissingDepositIsAGapThatThePersonSees(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	leaveNote(t, giver, "stays")
	before := usage(t, tn.Stage, tn.v.ID()).Used
	lost := leaveNote(t, giver, "is lost")
	at := waiting(t, tn.Store, tn.v.ID())
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Delete(at[1]); return nil }))

	v := tn.person.SignIn(t, tn.Stage)
	require.Equal(t, []string{"stays"}, papers(t, v))
	require.Equal(t, []vault.NoticeCode{vault.NoticeDepositMissing}, overview(t, v).Notices)
	gaps, err := v.MissingDeposits(t.Context())
	require.NoError(t, err)
	require.Len(t, gaps, 1)
	require.Equal(t, "Samir", gaps[0].By.Name)
	require.Equal(t, lost, gaps[0].Item)
	require.Equal(t, "note", gaps[0].Kind)
	var line vault.Entry
	for _, e := range requireJournal(t, v) {
		if e.Act == vault.ActDepositMissing {
			line = e
		}
	}
	require.Equal(t, fmt.Sprint(gaps[0].Line), line.Detail["line"])
	require.Equal(t, "Samir", line.Detail["by"])
	requireBooks(t, tn.Stage, v.ID())
	require.Less(t, usage(t, tn.Stage, v.ID()).Used, before, "nobody pays for what is not there")

	again := tn.person.SignIn(t, tn.Stage)
	require.Len(t, overview(t, again).Notices, 1, "until it is confirmed, and told once")
	require.NoError(t, again.ConfirmMissing(t.Context()))
	require.Empty(t, overview(t, again).Notices)
	gaps, err = again.MissingDeposits(t.Context())
	require.NoError(t, err)
	require.Empty(t, gaps)
}

func TestThePersonIsToldWhatBecameOfEverythingThatWasLeft(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	came, lost := leaveNote(t, giver, "comes"), leaveNote(t, giver, "is lost")
	at := waiting(t, tn.Store, tn.v.ID())
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Delete(at[1]); return nil }))
	_, err := giver.LeaveForged(t.Context(), vault.Forgery{Grant: "none"})
	require.NoError(t, err)
	v := tn.person.SignIn(t, tn.Stage)
	waits := leaveNote(t, giver, "waits")

	all, err := v.Deposits(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 4)
	states := map[vault.ItemID]vault.DepositState{}
	for i, d := range all {
		states[d.Item] = d.State
		require.Equal(t, "Samir", d.By.Name)
		require.Equal(t, vault.ActLeft, d.Act)
		require.True(t, i == 0 || d.Line < all[i-1].Line, "the newest first")
	}
	require.Equal(t, vault.DepositTakenIn, states[came])
	require.Equal(t, vault.DepositMissing, states[lost])
	require.Equal(t, vault.DepositWaits, states[waits])
	require.Equal(t, vault.DepositRefused, all[1].State)
	require.Equal(t, "grant", all[1].Why)
	require.Equal(t, "note", all[0].Kind)
	_, err = giver.Deposits(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
}

func TestWhatWasNeverLeftIsIgnoredAndSwept(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	leaveNote(t, giver, "one")
	at := waiting(t, tn.Store, tn.v.ID())[0]
	rec, err := tn.Store.Get(t.Context(), at)
	require.NoError(t, err)
	prefix := at[:len(at)-16]
	future := prefix + "00000000ffffffff"
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		for _, key := range []string{prefix + "0000000000000001", prefix + "1", prefix + "no-number", prefix + "000000000000000A", future} {
			tx.Put(key, rec.Value)
		}
		return nil
	}))
	v := tn.person.SignIn(t, tn.Stage)
	require.Equal(t, []string{"one"}, papers(t, v))
	require.Empty(t, overview(t, v).Notices)
	require.Equal(t, []string{future}, waiting(t, tn.Store, v.ID()), "its line may still come")
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put(at, rec.Value); return nil }))
	taken, err := v.TakeIn(t.Context())
	require.NoError(t, err)
	require.Zero(t, taken)
	require.Equal(t, []string{future}, waiting(t, tn.Store, v.ID()))
	require.Equal(t, []string{"one"}, papers(t, v))
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Delete(future); return nil }))
	requireBooks(t, tn.Stage, v.ID())
}

func TestWhatNobodyWasAllowedToLeaveIsRefused(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	stranger := seal.NewSigningKey()
	tn.register.members["credential of anna"] = vault.Signer{Actor: vault.Actor{Kind: vault.ActorWorker, ID: "anna"}, Key: stranger.Public(), Named: func(string) bool { return true }}
	seen := tn.follow(t, vault.ScopeSee)
	ended := tn.follow(t, vault.ScopeGive)
	require.NoError(t, tn.v.End(t.Context(), ended, nil))
	visit, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(500 * time.Hour)}, tn.secret())
	require.NoError(t, err)
	mine := addNote(t, tn.v, "mine", "text")
	other := newTown(t, nil)
	leaveNote(t, other.giver(t), "of another vault")
	foreign, err := other.Store.Get(t.Context(), waiting(t, other.Store, other.v.ID())[0])
	require.NoError(t, err)
	for name, c := range map[string]struct {
		f   vault.Forgery
		why string
	}{
		"unknown author":         {vault.Forgery{Signer: stranger}, "author"},
		"another's credential":   {vault.Forgery{Signer: stranger, Credential: []byte("credential of samir")}, "author"},
		"another worker":         {vault.Forgery{Signer: stranger, Credential: []byte("credential of anna")}, "author"},
		"in the person's name":   {vault.Forgery{By: vault.Actor{Kind: vault.ActorPerson}}, "author"},
		"in another's name":      {vault.Forgery{By: vault.Actor{Kind: vault.ActorWorker, ID: "anna"}}, "author"},
		"by a grant that ended":  {vault.Forgery{Grant: ended.String()}, "grant"},
		"by one that only sees":  {vault.Forgery{Grant: seen.String()}, "grant"},
		"by a visit":             {vault.Forgery{Grant: visit.ID.String()}, "grant"},
		"by no grant":            {vault.Forgery{Grant: "aaaa"}, "grant"},
		"by one there never was": {vault.Forgery{Grant: vault.GrantID{7}.String()}, "grant"},
		"of another vault":       {vault.Forgery{Record: foreign.Value}, "form"},
		"no deposit at all":      {vault.Forgery{Record: []byte("x")}, "form"},
		"over what is there":     {vault.Forgery{Item: mine.ID}, "exists"},
	} {
		t.Run(name, func(t *testing.T) {
			c.f.Content = content(9, 3000)
			tn.v = tn.person.SignIn(t, tn.Stage)
			giver := tn.giver(t)
			before := usage(t, tn.Stage, tn.v.ID()).Used
			blob, err := giver.LeaveForged(t.Context(), c.f)
			require.NoError(t, err)
			taken, err := tn.v.TakeIn(t.Context())
			require.NoError(t, err)
			require.Equal(t, vault.TakenIn{Refused: 1}, taken)
			require.Equal(t, []string{"mine"}, papers(t, tn.v))
			require.Equal(t, "text", item(t, tn.v, mine.ID).Note.Text)
			require.Empty(t, waiting(t, tn.Store, tn.v.ID()))
			require.Equal(t, before, usage(t, tn.Stage, tn.v.ID()).Used)
			entries := requireJournal(t, tn.v)
			var refused *vault.Entry
			for i, e := range entries {
				if e.Act == vault.ActDepositRefused {
					refused = &entries[i]
					break
				}
			}
			require.NotNil(t, refused)
			require.Equal(t, c.why, refused.Detail["why"])
			require.Equal(t, "Samir", refused.Detail["by"])
			all, err := tn.v.Grants(t.Context())
			require.NoError(t, err)
			for _, g := range all {
				if g.Scope == vault.ScopeGive && g.Ended.IsZero() {
					require.NoError(t, tn.v.End(t.Context(), g.ID, nil))
				}
			}
			if c.f.Record == nil { // who exchanges the record hides the blob's name
				settle(t, tn.Stage)
				_, err = tn.Blobs.Size(t.Context(), blob)
				require.ErrorIs(t, err, storage.ErrNotFound)
			}
		})
	}
}

// A store that alters the paper of a grant does not make the person throw away what
// was left by it.
func TestWhileAGrantCannotBeReadWhatWasLeftWaits(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeGive)
	giver, err := tn.open(t, grant)
	require.NoError(t, err)
	leaveNote(t, giver, "kept")
	paper := tn.v.ID().String() + "/o/" + grant.String()
	rec, err := tn.Store.Get(t.Context(), paper)
	require.NoError(t, err)
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Delete(paper); return nil }))
	_, err = tn.v.TakeIn(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	require.Empty(t, papers(t, tn.person.SignIn(t, tn.Stage)), "and nobody is kept out by it")
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put(paper, rec.Value); return nil }))
	require.Equal(t, []string{"kept"}, papers(t, tn.person.SignIn(t, tn.Stage)))
}

// The sweeper knows what waits in the inbox: it deletes none of its blobs, whatever
// a store tells it.
func TestTheSweeperLeavesWhatWaitsAlone(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	left, err := tn.giver(t).LeaveDocument(t.Context(), vault.NewDocument{Name: "x", MediaType: "image/png"}, bytes.NewReader(content(1, 5000)))
	require.NoError(t, err)
	rec, err := tn.Store.Get(t.Context(), waiting(t, tn.Store, tn.v.ID())[0])
	require.NoError(t, err)
	parts := vault.StoredParts(rec)
	require.Len(t, parts, 1, "backups copy it")
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(storage.DueKey(tn.Clock.Now(), tn.v.ID().String(), "blob-x"), []byte(parts[0].Blob))
		return nil
	}))
	settle(t, tn.Stage)
	require.Equal(t, content(1, 5000), read(t, tn.person.SignIn(t, tn.Stage), left.Item))
}

func TestAnExportHoldsWhatWaited(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	leaveNote(t, tn.giver(t), "Message of the clinic")
	var out bytes.Buffer
	require.NoError(t, tn.v.Export(t.Context(), &out, nil))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	list, err := z.Open("reconnect/data/bundle.json")
	require.NoError(t, err)
	b, err := io.ReadAll(list)
	require.NoError(t, err)
	require.Contains(t, string(b), "Message of the clinic")
}

func TestATamperedJournalTakesNothingInAndKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	leaveNote(t, tn.giver(t), "one")
	line := strings.Replace(waiting(t, tn.Store, tn.v.ID())[0], "/in/p/", "/j/", 1)
	rec, err := tn.Store.Get(t.Context(), line)
	require.NoError(t, err)
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put(line, append(bytes.Clone(rec.Value), 1)); return nil }))
	v := tn.person.SignIn(t, tn.Stage)
	_, err = v.TakeIn(t.Context())
	require.True(t, errors.Is(err, vault.ErrTampered), "%v", err)
	require.Empty(t, papers(t, v))
	require.Len(t, waiting(t, tn.Store, v.ID()), 1)
}
