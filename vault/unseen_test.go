package vault_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func firstOf(year int, m time.Month) time.Time { return time.Date(year, m, 1, 0, 0, 0, 0, time.UTC) }

// unseen are those of whom it is recorded, at a month.
func unseen(t testing.TB, stage *vaulttest.Stage) map[vault.ID]time.Time {
	t.Helper()
	out := map[vault.ID]time.Time{}
	for u, err := range stage.Unseen(t.Context()) {
		require.NoError(t, err)
		out[u.Vault] = u.Since
	}
	return out
}

// sweepAt sets the clock and sweeps.
func sweepAt(t testing.TB, stage *vaulttest.Stage, at time.Time) vault.SweepReport {
	t.Helper()
	stage.Clock.Set(at)
	report, err := stage.Sweep(t.Context())
	require.NoError(t, err)
	return report
}

// messages are what the operator was told.
type messages struct {
	mu   sync.Mutex
	told []time.Time
	fail error
}

func (m *messages) tell(_ context.Context, _ vault.ID, since time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, since)
	return m.fail
}

func (m *messages) take() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	told := m.told
	m.told = nil
	return told
}

func TestWhoIsNotSeenForLongIsToldOnceAndNothingIsErased(t *testing.T) {
	t.Parallel()
	m := &messages{}
	s := newScene(t, &vaulttest.Options{OnUnseen: m.tell}) // created on 2 March 2026
	here := s.Person(t)
	paper := add(t, s.v, "paper", content(1, 100))
	s.Clock.Set(time.Date(2026, 5, 31, 23, 0, 0, 0, time.UTC))
	s.person.SignIn(t, s.Stage)
	s.Clock.Set(time.Date(2027, 5, 1, 1, 0, 0, 0, time.UTC))
	here.SignIn(t, s.Stage)

	require.Zero(t, sweepAt(t, s.Stage, firstOf(2028, time.June).Add(-time.Hour)).Unseen)
	require.Empty(t, unseen(t, s.Stage))
	require.Equal(t, 1, sweepAt(t, s.Stage, firstOf(2028, time.June)).Unseen, "24 months after May 2026")
	since := map[vault.ID]time.Time{s.v.ID(): firstOf(2026, time.May)}
	require.Equal(t, since, unseen(t, s.Stage))
	require.Equal(t, []time.Time{firstOf(2026, time.May)}, m.take())
	for range 3 {
		require.Zero(t, sweepAt(t, s.Stage, s.Clock.Now().Add(20*day)))
	}
	require.Empty(t, m.take(), "once")
	require.Equal(t, since, unseen(t, s.Stage))

	v := s.person.SignIn(t, s.Another(t, nil))
	require.Empty(t, unseen(t, s.Stage))
	require.Equal(t, content(1, 100), read(t, v, paper.ID))
	o := overview(t, v)
	require.Contains(t, o.Notices, vault.NoticeUnseen)
	require.Equal(t, firstOf(2026, time.May), o.UnseenSince)
	entries, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 4})
	require.NoError(t, err)
	i := slices.IndexFunc(entries, func(e vault.Entry) bool { return e.Act == vault.ActUnseen })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, map[string]string{"since": "2026-05"}, entries[i].Detail)
	s.Clock.Advance(40 * day)
	o = overview(t, s.person.SignIn(t, s.Stage))
	require.NotContains(t, o.Notices, vault.NoticeUnseen)
	require.Zero(t, o.UnseenSince)
}

func TestTheMonthOfASignInIsWrittenOnceAMonth(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	record := func() storage.Record {
		rec, err := s.Store.Get(t.Context(), s.key("seen"))
		require.NoError(t, err)
		return rec
	}
	first := record()
	for range 3 {
		s.Clock.Advance(9 * day)
		s.person.SignIn(t, s.Stage)
	}
	require.Equal(t, first, record())
	s.Clock.Advance(9 * day)
	s.person.SignIn(t, s.Stage)
	require.NotEqual(t, first, record())
	require.Len(t, dueOf(t, s.Store, s.v.ID(), "unseen"), 1)
}

// dueOf are the keys of the deadlines of a vault of one sort.
func dueOf(t testing.TB, store *storage.Store, id vault.ID, what string) (out []string) {
	t.Helper()
	for _, key := range keys(t, store, "due/") {
		due, err := storage.ParseDue(key)
		require.NoError(t, err)
		if due.Owner == id.String() && due.What == what {
			out = append(out, key)
		}
	}
	return out
}

func TestAMessageThatFailsIsSentAgain(t *testing.T) {
	t.Parallel()
	m := &messages{fail: errors.New("no line")}
	s := newScene(t, &vaulttest.Options{OnUnseen: m.tell, UnseenAfter: 6})
	at := firstOf(2026, time.October)
	for n := range 3 {
		s.Clock.Set(at.Add(time.Duration(n) * 3 * time.Hour))
		report, err := s.Sweep(t.Context())
		require.ErrorContains(t, err, "no line")
		require.Equal(t, 1, report.Failed)
		require.Len(t, m.take(), 1)
		require.Len(t, unseen(t, s.Stage), 1, "and it is recorded all the same")
		report, err = s.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, report, "an hour is between two tries")
	}
	m.fail = nil
	sweepAt(t, s.Stage, s.Clock.Now().Add(3*time.Hour))
	require.Len(t, m.take(), 1)
	sweepAt(t, s.Stage, s.Clock.Now().Add(3*time.Hour))
	require.Empty(t, m.take())
	require.Empty(t, dueOf(t, s.Store, s.v.ID(), "unseen"))
}

func TestOneOfManySweepersTells(t *testing.T) {
	t.Parallel()
	m := &messages{}
	opts := &vaulttest.Options{OnUnseen: m.tell, UnseenAfter: 6}
	s := newScene(t, opts)
	s.Clock.Set(firstOf(2026, time.October))
	var all sync.WaitGroup
	reports := make([]vault.SweepReport, 4)
	for n := range reports {
		other := s.Another(t, opts)
		all.Go(func() {
			var err error
			reports[n], err = other.Sweep(t.Context())
			require.NoError(t, err)
		})
	}
	all.Wait()
	recorded := 0
	for _, r := range reports {
		recorded += r.Unseen
	}
	require.Equal(t, 1, recorded)
	require.Len(t, m.take(), 1)
	require.Len(t, unseen(t, s.Stage), 1)
}

// Whoever signs in while the message is being sent is here.
func TestASignInDuringTheMessageCounts(t *testing.T) {
	t.Parallel()
	var s *scene
	s = newScene(t, &vaulttest.Options{UnseenAfter: 6, OnUnseen: func(context.Context, vault.ID, time.Time) error {
		s.person.SignIn(t, s.Another(t, nil))
		return nil
	}})
	sweepAt(t, s.Stage, firstOf(2026, time.October))
	require.Empty(t, unseen(t, s.Stage))
	require.Len(t, dueOf(t, s.Store, s.v.ID(), "unseen"), 1)
	sweepAt(t, s.Stage, firstOf(2027, time.May))
	require.Len(t, dueOf(t, s.Store, s.v.ID(), "unseen"), 1)
}

// The service is started with another number of months: it counts from then on.
func TestAnotherNumberOfMonthsCounts(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{UnseenAfter: 6})
	slower := s.Another(t, &vaulttest.Options{UnseenAfter: 12})
	require.Zero(t, sweepAt(t, slower, firstOf(2026, time.October)).Unseen)
	require.Zero(t, sweepAt(t, s.Stage, firstOf(2027, time.March)).Unseen)
	require.Equal(t, 1, sweepAt(t, slower, firstOf(2027, time.April)).Unseen)
	for _, months := range []int{-1, 1, 5, 1201} {
		books, err := quota.New(quota.Config{})
		require.NoError(t, err)
		_, err = vault.New(t.Context(), vault.Config{
			Store: s.Store, Blobs: s.Blobs, Keeper: s.Keeper, Quota: books, Checkpoints: s.Witness, Limiter: s.Witness, UnseenAfter: months,
		})
		requireInvalid(t, err, "Config.UnseenAfter")
	}
}

func TestAClosedOrErasedAccountIsNotMissed(t *testing.T) {
	t.Parallel()
	w := newWatched(t, &vaulttest.Options{UnseenAfter: 6})
	closed, erased, missed := w.Person(t), w.Person(t), w.Person(t)
	_, err := closed.Vault.CloseAccount(t.Context(), closed.Password)
	require.NoError(t, err)
	require.Equal(t, 2, sweepAt(t, w.Stage, firstOf(2026, time.October)).Unseen)
	require.NotContains(t, unseen(t, w.Stage), closed.Vault.ID())
	v, err := w.Unlock(t.Context(), closed.Secret())
	require.NoError(t, err)
	require.NoError(t, v.Reopen(t.Context()))
	require.Equal(t, 1, sweepAt(t, w.Stage, firstOf(2027, time.May)).Unseen, "reopened, it counts again")

	v = erased.SignIn(t, w.Stage)
	_, err = v.Erase(t.Context(), erased.Password)
	require.NoError(t, err)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, v.ID())
	require.Contains(t, unseen(t, w.Stage), missed.Vault.ID())
	missing := missed.SignIn(t, w.Stage) // and with the month recorded
	sweepAt(t, w.Stage, firstOf(2028, time.May))
	require.Contains(t, unseen(t, w.Stage), missing.ID())
	missing = missed.SignIn(t, w.Stage)
	_, err = missing.Erase(t.Context(), missed.Password)
	require.NoError(t, err)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, missing.ID())
}

// Whatever fails, it is recorded, told and cleared in the end, and nobody is kept out.
func TestWhateverFailsWhoIsUnseenIsTold(t *testing.T) {
	t.Parallel()
	for _, what := range faults {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			for n, reached := 1, true; reached; n += sized(2*what.every, 1) {
				reached = apart(t, "call", n, func(t *testing.T) bool {
					m := &messages{}
					w := newWatched(t, &vaulttest.Options{OnUnseen: m.tell, UnseenAfter: 6})
					p := w.Person(t)
					add(t, p.Vault, "paper", content(1, 1000))
					w.Clock.Set(firstOf(2026, time.October))
					what.set(w, n)
					_, _ = w.Sweep(t.Context())
					reached := w.failed()
					w.heal()
					for range 2 {
						w.Clock.Advance(2 * time.Hour)
						_, err := w.Sweep(t.Context())
						require.NoError(t, err)
					}
					require.NotEmpty(t, m.take())
					require.Len(t, unseen(t, w.Stage), 1)
					require.Empty(t, dueOf(t, w.Store, p.Vault.ID(), "unseen"))

					what.set(w, n) // and the sign-in
					_, err := w.Unlock(t.Context(), p.Secret())
					reached = reached || w.failed()
					w.heal()
					w.Clock.Advance(time.Hour)
					if err != nil {
						p.SignIn(t, w.Stage)
					}
					require.Empty(t, unseen(t, w.Stage))
					require.Len(t, dueOf(t, w.Store, p.Vault.ID(), "unseen"), 1)
					requireSound(t, w.Stage, p)
					return reached
				})
			}
		})
	}
}

// A clock that jumps names nobody for ever: the next sign-in sets it right.
func TestAClockThatJumpsLosesNobodyWhoIsUnseen(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, &vaulttest.Options{UnseenAfter: 6})
			right := s.Clock.Now()
			s.Clock.Advance(by)
			s.person.SignIn(t, s.Stage)
			sweepAt(t, s.Stage, s.Clock.Now())
			sweepAt(t, s.Stage, right.Add(time.Hour))
			s.person.SignIn(t, s.Stage)
			require.Empty(t, unseen(t, s.Stage))
			require.Len(t, dueOf(t, s.Store, s.v.ID(), "unseen"), 1)
			sweepAt(t, s.Stage, firstOf(2026, time.October))
			require.Equal(t, map[vault.ID]time.Time{s.v.ID(): firstOf(2026, time.March)}, unseen(t, s.Stage))
		})
	}
}

// What the store makes of these records hurts nobody: no sign-in and no sweep fails.
func TestForgedMonthsStopNobody(t *testing.T) {
	t.Parallel()
	for name, value := range map[string][]byte{
		"nothing": {}, "garbage": []byte("garbage"), "gone": nil,
		"a month long past":   {0xa2, 1, 0, 2, 0},
		"a month before time": {0xa2, 1, 0x20, 2, 0},
		"a month far ahead":   {0xa2, 1, 0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0},
		"a deadline far away": {0xa2, 1, 1, 2, 0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, &vaulttest.Options{UnseenAfter: 6})
			set(t, s.Store, s.key("seen"), value)
			overview(t, s.v)
			sweepAt(t, s.Stage, firstOf(2026, time.October))
			s.person.SignIn(t, s.Stage)
			require.Len(t, dueOf(t, s.Store, s.v.ID(), "unseen"), 1)
			sweepAt(t, s.Stage, firstOf(2027, time.May))
			require.Len(t, unseen(t, s.Stage), 1)
		})
	}
	s := newScene(t, nil)
	set(t, s.Store, "unseen/"+s.v.ID().String(), []byte("24315"))
	set(t, s.Store, "unseen/nobody", []byte("24315"))
	set(t, s.Store, "unseen/"+vault.ID{1}.String(), []byte("x"))
	good, bad := 0, 0
	for _, err := range s.Unseen(t.Context()) {
		if err == nil {
			good++
			continue
		}
		require.ErrorIs(t, err, vault.ErrTampered)
		bad++
	}
	require.Equal(t, []int{1, 2}, []int{good, bad})
	w := watch(t, s.Stage, nil)
	w.store.FailFrom(1, storage.ErrUnavailable, storagetest.Before)
	for _, err := range w.Unseen(t.Context()) {
		require.ErrorIs(t, err, vault.ErrStorage)
	}
	w.heal()
}
