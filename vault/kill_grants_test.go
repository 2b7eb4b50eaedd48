package vault_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testkill"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// childWithdrawal tells a child process to withdraw a grant, and to be killed at it.
const childWithdrawal = "VAULT_TEST_WITHDRAWAL"

// withdrawal is what a child must know to withdraw a grant as the person.
type withdrawal struct {
	errand        // Grant is the one that stays
	Leaves string // the grant to withdraw
	Owe    bool   // withdraw at a tap, and let a sign-in make the new keys
	Kill   int    // the number of the commit at which it is killed
	Before bool   // exactly before that commit, not somewhere in or after it
}

// runWithdrawal withdraws the grant as the person, says so, and waits to be killed.
func runWithdrawal(w withdrawal) error {
	ctx := context.Background()
	said := &storagetest.Spoken{Say: func(n int) {
		fmt.Println(n)
		if w.Before && n == w.Kill {
			select {} // until it is killed
		}
	}}
	tn, err := w.town(ctx, said.Over)
	if err != nil {
		return err
	}
	if err := w.withdraw(ctx, tn, said.Begin); err != nil {
		return err
	}
	fmt.Println("done")
	select {}
}

// withdraw ends the grant and makes the new keys; began is called between what must
// have happened and what may be cut off.
func (w *withdrawal) withdraw(ctx context.Context, tn *town, began func()) error {
	as := vault.Password{Login: w.Login, Secret: w.Password}
	v, err := tn.Unlock(ctx, as)
	if err != nil {
		return err
	}
	grant, _ := vault.ParseGrantID(w.Leaves)
	if w.Owe {
		if err := v.End(ctx, grant, nil); err != nil {
			return err
		}
		began()
		_, err := tn.Unlock(ctx, as)
		return err
	}
	began()
	return v.End(ctx, grant, &vault.Secret{Password: w.Password})
}

// The server is killed anywhere in a withdrawal with new keys. Who was withdrawn is
// refused, everybody else and the person read everything, and the next sign-in ends
// what was begun: all records lie under the new generation.
func TestAWithdrawalSurvivesKill(t *testing.T) {
	t.Parallel()
	folder, papers := t.TempDir(), sized(120, 500)
	tn := newTown(t, &vaulttest.Options{Folder: folder})
	for n := range papers {
		addTo(t, tn.v, vault.NewDocument{Name: strconv.Itoa(n), Compartment: vault.Shared}, content(uint64(n), 1000))
	}
	w := &withdrawal{errand: errand{Folder: folder, Login: tn.person.Login, Password: tn.person.Password, Relay: tn.relay.ID().String(), Person: tn.v.ID().String(),
		Member: tn.member.String(), Grant: tn.follow(t, vault.ScopeSee).String(), Start: tn.Clock.Now(),
		// A server that was killed before it told the witness of a head leaves who has no
		// pin outside until the person's next sign-in.
		Pinned: tn.v.Key()}}
	var err error
	w.Worker, err = tn.worker.Login(t.Context())
	require.NoError(t, err)
	require.NoError(t, tn.Close())
	commits := w.unhurt(t)
	require.Greater(t, commits, papers/30, "all papers are sealed anew, thirty in a commit")

	halfway := 0
	rounds := sized(6, 16)
	for round := range rounds {
		w.Owe, w.Before = round%2 == 1, round%4 >= 2
		w.Kill = 1 + (round*commits+rand.IntN(commits))/rounds // each part of it in turn
		w.lets(t)
		w.untilKilled(t)
		if w.check(t, papers) {
			halfway++
		}
	}
	require.NotZero(t, halfway, "it was killed among the papers")
	t.Logf("%d kills over %d commits, %d of them among the %d papers", rounds, commits, halfway, papers)
}

// open opens the folder a day later.
func (w *withdrawal) open(t *testing.T, driver func(storage.Driver) storage.Driver) *town {
	t.Helper()
	w.Start = w.Start.Add(24 * time.Hour)
	tn, err := w.town(t.Context(), driver)
	require.NoError(t, err)
	return tn
}

// lets lets the worker themself in, who is to be withdrawn.
func (w *withdrawal) lets(t *testing.T) {
	t.Helper()
	tn := w.open(t, nil)
	defer func() { require.NoError(t, tn.Close()) }()
	_, err := w.asWorker(t.Context(), tn)
	require.NoError(t, err)
	v, err := tn.Unlock(t.Context(), vault.Password{Login: w.Login, Secret: w.Password})
	require.NoError(t, err)
	g, err := v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee}, vault.Secret{Password: w.Password})
	require.NoError(t, err)
	w.Leaves = g.ID.String()
	guest, err := tn.OpenGrant(t.Context(), v.ID(), g.ID, tn.guest(tn.own, tn.worker.ID(), ""))
	require.NoError(t, err)
	_, err = guest.List(t.Context(), nil)
	require.NoError(t, err)
}

// unhurt withdraws once without being killed, and counts the commits.
func (w *withdrawal) unhurt(t *testing.T) int {
	t.Helper()
	w.lets(t)
	said := &storagetest.Spoken{}
	tn := w.open(t, said.Over)
	require.NoError(t, w.withdraw(t.Context(), tn, said.Begin))
	require.NoError(t, tn.Close())
	return said.Commits()
}

func (w *withdrawal) untilKilled(t *testing.T) {
	t.Helper()
	testkill.Child(t, childWithdrawal, w, func(line string) time.Duration {
		switch {
		case line != "done" && line != strconv.Itoa(w.Kill):
			return testkill.Never
		case w.Before:
			return 0
		}
		return rand.N(5 * time.Millisecond) // in the commit, or a little after it
	})
}

// check looks at what the kill left, before and after the next sign-in. It says
// whether some papers were not yet under the latest keys.
func (w *withdrawal) check(t *testing.T, papers int) (halfway bool) {
	t.Helper()
	tn := w.open(t, nil)
	defer func() { require.NoError(t, tn.Close()) }()
	stays, err := w.asWorker(t.Context(), tn)
	require.NoError(t, err, "who stays is let in at once")
	w.readable(t, stays, papers)
	before, _ := w.sealed(t, tn)
	leaves, err := vault.ParseGrantID(w.Leaves)
	require.NoError(t, err)
	refused := w.withdrawn(t, tn, leaves)
	if w.Owe || refused != nil {
		require.ErrorIs(t, refused, vault.ErrEnded)
	}

	tn.v, err = tn.Unlock(t.Context(), vault.Password{Login: w.Login, Secret: w.Password})
	require.NoError(t, err)
	w.readable(t, tn.v, papers)
	if refused == nil { // it had not even begun
		require.NoError(t, tn.v.End(t.Context(), leaves, &vault.Secret{Password: w.Password}))
	}
	require.ErrorIs(t, w.withdrawn(t, tn, leaves), vault.ErrEnded)
	now, owed := w.sealed(t, tn)
	require.Equal(t, papers+1, now, "all is sealed under the new keys, also the folder")
	require.False(t, owed)
	stays, err = w.asWorker(t.Context(), tn)
	require.NoError(t, err)
	w.readable(t, stays, papers)
	return before < now
}

// withdrawn tries the grant that is withdrawn.
func (w *withdrawal) withdrawn(t *testing.T, tn *town, leaves vault.GrantID) error {
	t.Helper()
	as := tn.guest(tn.own, tn.worker.ID(), "")
	as.Pinned = w.Pinned
	id, err := vault.ParseID(w.Person)
	require.NoError(t, err)
	_, err = tn.OpenGrant(t.Context(), id, leaves, as)
	return err
}

// readable demands that somebody reads everything: all records, and some bytes.
func (w *withdrawal) readable(t *testing.T, v *vault.Vault, papers int) {
	t.Helper()
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	require.Len(t, all, papers)
	for range 5 {
		it := all[rand.IntN(papers)]
		n, err := strconv.Atoi(it.Name)
		require.NoError(t, err)
		require.Equal(t, content(uint64(n), 1000), read(t, v, it.ID))
	}
}

// sealed counts the shared items whose records lie under the latest generation, by the
// records themselves, and says whether new keys are owed.
func (w *withdrawal) sealed(t *testing.T, tn *town) (under int, owed bool) {
	t.Helper()
	id, err := vault.ParseID(w.Person)
	require.NoError(t, err)
	head, err := seal.OpenOwnerHead(id, get(t, tn.Store, w.Person+"/h/o"))
	require.NoError(t, err)
	now := sharedGeneration(head)
	for _, key := range keys(t, tn.Store, w.Person+"/i/") {
		_, raw, err := seal.ParseClear(get(t, tn.Store, key))
		require.NoError(t, err)
		var clear clearItem
		require.NoError(t, seal.Unmarshal(raw, &clear))
		if clear.Generation == now {
			under++
		}
	}
	return under, head.Owed == now
}
