package vault_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func aDeath() vault.DeathRecord {
	return vault.DeathRecord{By: "operator", Organisation: "Reconnect", Evidence: "death certificate, town hall of Paris"}
}

// wishing is a person who wished it, and whose death was recorded.
func wishing(t testing.TB, w *watched, want vault.Want) (*vaulttest.Person, vault.DeathRecord) {
	t.Helper()
	p := w.Person(t)
	add(t, p.Vault, "paper", content(1, 3000))
	if want != vault.WantNothing {
		require.NoError(t, p.Vault.SetWish(t.Context(), want))
	}
	d, err := w.RecordDeath(t.Context(), p.Vault.ID(), aDeath())
	require.NoError(t, err)
	return p, d
}

func TestAWishToBeErasedIsCarriedOutAfterTheWait(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, d := wishing(t, w, vault.WantErase)
	now := w.Clock.Now()
	want := aDeath()
	want.At, want.Recorded, want.Wish, want.ErasedAt = now, now, vault.WantErase, now.Add(90*day)
	require.Equal(t, want, d)
	passing(t, w.Stage, 89*day)
	require.NotEmpty(t, w.blobs.there(t))
	again, err := w.Another(t, nil).RecordDeath(t.Context(), p.Vault.ID(), vault.DeathRecord{By: "another", Organisation: "x", Evidence: "y"})
	require.NoError(t, err)
	require.Equal(t, want, again, "the record stands, and its day")
	got, err := w.Death(t.Context(), p.Vault.ID())
	require.NoError(t, err)
	require.Equal(t, want, got)
	w.Clock.Set(d.ErasedAt.Add(-time.Second))
	_, err = w.Sweep(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, w.blobs.there(t))
	passing(t, w.Stage, 6*time.Hour)
	requireGone(t, w, p)
	_, err = w.RecordDeath(t.Context(), p.Vault.ID(), aDeath())
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = w.Death(t.Context(), p.Vault.ID())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestWithoutThatWishNothingIsOpenedOrErased(t *testing.T) {
	t.Parallel()
	for _, want := range []vault.Want{vault.WantNothing, vault.WantKeep} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p, d := wishing(t, w, want)
			require.Equal(t, want, d.Wish)
			require.Zero(t, d.ErasedAt)
			passing(t, w.Stage, 3*365*day)
			require.Contains(t, requireSound(t, w.Stage, p), `document "paper" private r1 `+digestOf(content(1, 3000)), "and signing in is possible")
			got, err := w.Death(t.Context(), p.Vault.ID())
			require.NoError(t, err)
			require.Equal(t, want, got.Wish)
			require.Equal(t, w.Clock.Now(), got.Ended)
		})
	}
}

func TestASignInMakesTheRecordVoidAndShowsIt(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, d := wishing(t, w, vault.WantErase)
	w.Clock.Advance(80 * day)
	v := p.SignIn(t, w.Another(t, nil))
	require.Contains(t, overview(t, v).Notices, vault.NoticeDeathRecorded)
	shown, err := v.DeathRecord(t.Context())
	require.NoError(t, err)
	d.Ended = w.Clock.Now()
	require.Equal(t, d, shown)
	entries, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 10})
	require.NoError(t, err)
	i := slices.IndexFunc(entries, func(e vault.Entry) bool { return e.Act == vault.ActDeathRecorded })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, map[string]string{
		"by": "operator", "organisation": "Reconnect", "evidence": d.Evidence, "recorded": d.Recorded.Format(time.RFC3339), "want": "erase",
	}, entries[i].Detail)

	w.Clock.Advance(time.Hour)
	v = p.SignIn(t, w.Stage)
	require.Contains(t, overview(t, v).Notices, vault.NoticeDeathRecorded, "until they know")
	require.NoError(t, v.DismissDeathRecord(t.Context()))
	require.NotContains(t, overview(t, v).Notices, vault.NoticeDeathRecorded)
	require.NoError(t, v.DismissDeathRecord(t.Context()))
	all := requireJournal(t, v)
	require.Len(t, slices.DeleteFunc(all, func(e vault.Entry) bool { return e.Act != vault.ActDeathRecorded }), 1, "one line")
	passing(t, w.Stage, 90*day)
	requireSound(t, w.Stage, p)
	require.Equal(t, vault.WantErase, wish(t, p.SignIn(t, w.Stage)).Want, "the wish stands")

	_, err = w.RecordDeath(t.Context(), v.ID(), aDeath()) // and is carried out when it is true
	require.NoError(t, err)
	passing(t, w.Stage, 93*day)
	requireGone(t, w, p)
}

func TestARecordThatWasAMistakeIsWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, d := wishing(t, w, vault.WantErase)
	id := p.Vault.ID()
	requireInvalid(t, w.WithdrawDeath(t.Context(), id, ""), "by")
	require.NoError(t, w.WithdrawDeath(t.Context(), id, "operator 2"))
	require.ErrorIs(t, w.WithdrawDeath(t.Context(), id, "operator 2"), vault.ErrNotFound)
	require.Empty(t, dueOf(t, w.Store, id, "died"))
	passing(t, w.Stage, 93*day)
	v := p.SignIn(t, w.Stage)
	require.Contains(t, overview(t, v).Notices, vault.NoticeDeathRecorded)
	shown, err := v.DeathRecord(t.Context())
	require.NoError(t, err)
	require.Equal(t, "operator 2", shown.EndedBy)
	require.Equal(t, d.Recorded, shown.Ended)
	_, err = w.Person(t).Vault.DeathRecord(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestADeathIsRecordedOnEvidenceOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for field, spoil := range map[string]func(d *vault.DeathRecord){
		"by":           func(d *vault.DeathRecord) { d.By = " " },
		"organisation": func(d *vault.DeathRecord) { d.Organisation = "x\x00" },
		"evidence":     func(d *vault.DeathRecord) { d.Evidence = "" },
		"at":           func(d *vault.DeathRecord) { d.At = s.Clock.Now().Add(25 * time.Hour) },
	} {
		d := aDeath()
		spoil(&d)
		_, err := s.RecordDeath(t.Context(), s.v.ID(), d)
		requireInvalid(t, err, field)
	}
	long := aDeath()
	long.Evidence = strings.Repeat("x", vault.MaxText+1)
	_, err := s.RecordDeath(t.Context(), s.v.ID(), long)
	requireInvalid(t, err, "evidence")
	_, err = s.RecordDeath(t.Context(), vault.ID{1}, aDeath())
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = s.RecordDeath(t.Context(), space(t, s.Vaults, seal.KindWorker, "worker's own password").ID(), aDeath())
	require.ErrorIs(t, err, vault.ErrNotFound, "no person's vault")
	d := aDeath()
	d.Evidence, d.At = "وثيقة \u202e\n\"quoted\" <b>", s.Clock.Now().Add(-40*day)
	got, err := s.RecordDeath(t.Context(), s.v.ID(), d)
	require.NoError(t, err)
	require.Equal(t, d.Evidence, got.Evidence)
	require.Equal(t, d.At, got.At)
	w := watch(t, s.Stage, nil)
	w.witness.away.Store(true)
	_, err = w.RecordDeath(t.Context(), s.v.ID(), aDeath())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	for _, wait := range []time.Duration{-1, 1, 30*day - 1} {
		books, err := quota.New(quota.Config{})
		require.NoError(t, err)
		_, err = vault.New(t.Context(), vault.Config{
			Store: s.Store, Blobs: s.Blobs, Keeper: s.Keeper, Quota: books, Checkpoints: s.Witness, Limiter: s.Witness, DeathWait: wait,
		})
		requireInvalid(t, err, "Config.DeathWait")
	}
}

// Who was signed in when it was recorded could be signed in still: the wait is no
// shorter than that can last.
func TestTheWaitIsNoShorterThanASession(t *testing.T) {
	t.Parallel()
	w := newWatched(t, &vaulttest.Options{DeathWait: 30 * day, SessionMax: 50 * day, SessionIdle: 50 * day})
	_, d := wishing(t, w, vault.WantErase)
	require.Equal(t, d.Recorded.Add(50*day), d.ErasedAt)
}

// The store does what it can to have somebody erased who lives, or whose death
// nobody recorded. Nobody is.
func TestAStoreOnItsOwnErasesNobody(t *testing.T) {
	t.Parallel()
	type play struct {
		w  *watched
		p  *vaulttest.Person
		id string
	}
	recorded := func(t *testing.T, y play) map[string][]byte {
		_, err := y.w.RecordDeath(t.Context(), y.p.Vault.ID(), aDeath())
		require.NoError(t, err)
		return dump(t, y.w.Store)
	}
	show := func(t *testing.T, y play, old map[string][]byte, parts ...string) {
		for key, value := range old {
			if slices.ContainsFunc(parts, func(part string) bool { return strings.HasPrefix(key, part) && strings.Contains(key, y.id) }) {
				if value == nil {
					value = []byte{}
				}
				set(t, y.w.Store, key, value)
			}
		}
	}
	for name, act := range map[string]func(t *testing.T, y play){
		"a decision that was made up": func(t *testing.T, y play) {
			set(t, y.w.Store, y.id+"/died", []byte("he is dead"))
			set(t, y.w.Store, "due/2026050100/"+y.id+"/died", []byte{})
		},
		"a decision about somebody else": func(t *testing.T, y play) {
			other, _ := wishing(t, y.w, vault.WantErase)
			set(t, y.w.Store, y.id+"/died", get(t, y.w.Store, other.Vault.ID().String()+"/died"))
			set(t, y.w.Store, strings.ReplaceAll(dueOf(t, y.w.Store, other.Vault.ID(), "died")[0], other.Vault.ID().String(), y.id), []byte{})
		},
		"a decision from before a sign-in": func(t *testing.T, y play) {
			old := recorded(t, y)
			y.p.SignIn(t, y.w.Stage)
			show(t, y, old, y.id+"/died", y.id+"/wish", "due/")
		},
		"a decision from before a sign-in, with the wish of now": func(t *testing.T, y play) {
			old := recorded(t, y)
			y.p.SignIn(t, y.w.Stage)
			show(t, y, old, y.id+"/died", "due/")
		},
		"a decision that was hidden from the sign-in": func(t *testing.T, y play) {
			old := recorded(t, y)
			set(t, y.w.Store, y.id+"/died", nil)
			y.p.SignIn(t, y.w.Stage)
			show(t, y, old, y.id+"/died", y.id+"/wish", "due/")
		},
		"all of the vault from before a sign-in": func(t *testing.T, y play) {
			old := recorded(t, y)
			y.p.SignIn(t, y.w.Stage)
			requireToldOfOwner(t, &scene{Stage: y.w.Stage, person: y.p, v: y.p.Vault})
			putBack(t, y.w.Store, old)
		},
		"a wish that was taken back": func(t *testing.T, y play) {
			old := recorded(t, y)
			require.NoError(t, y.p.Vault.SetWish(t.Context(), vault.WantKeep))
			show(t, y, old, y.id+"/died", y.id+"/wish", "due/")
		},
		"an entry of the sweeper's": func(t *testing.T, y play) {
			recorded(t, y)
			set(t, y.w.Store, "due/2026030210/"+y.id+"/erase", []byte{})
			set(t, y.w.Store, "due/2026030210/"+y.id+"/died", []byte{})
			y.w.Clock.Advance(29 * day)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p := w.Person(t)
			add(t, p.Vault, "paper", content(1, 3000))
			require.NoError(t, p.Vault.SetWish(t.Context(), vault.WantErase))
			y := play{w, p, p.Vault.ID().String()}
			act(t, y)
			fresh := w.Another(t, nil) // which remembers nothing
			if name != "an entry of the sweeper's" {
				w.Clock.Advance(100 * day)
			}
			for range 3 {
				_, _ = fresh.Sweep(t.Context())
				w.Clock.Advance(2 * time.Hour)
			}
			known, err := w.Witness.Latest(t.Context(), p.Vault.ID())
			require.NoError(t, err)
			require.Greater(t, len(known), 1, "the witness knows of no end")
			require.NotEmpty(t, w.blobs.there(t))
			require.Len(t, keys(t, w.Store, y.id+"/k/"), 4, "and every key is there")
			if name == "all of the vault from before a sign-in" {
				return // which no sign-in believes, either
			}
			require.Contains(t, requireSound(t, fresh, p), `document "paper" private r1 `+digestOf(content(1, 3000)))
		})
	}
}

func TestSeveralSweepersCarryAWishOutOnce(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, d := wishing(t, w, vault.WantErase)
	w.Clock.Set(d.ErasedAt.Add(time.Hour))
	var all sync.WaitGroup
	for range 4 {
		other := w.Another(t, nil)
		all.Go(func() {
			_, err := other.Sweep(t.Context())
			require.NoError(t, err)
		})
	}
	all.Wait()
	requireGone(t, w, p)
}

// A sign-in and a sweep at the same moment: the person is in and everything is
// there, or it is gone and they are told so. Never in between.
func TestASignInAgainstASweepHasOneWinner(t *testing.T) {
	t.Parallel()
	for range sized(5, 30) {
		w := newWatched(t, nil)
		p, d := wishing(t, w, vault.WantErase)
		w.Clock.Set(d.ErasedAt.Add(time.Hour))
		sweeper := w.Another(t, nil)
		var all sync.WaitGroup
		all.Go(func() { _, _ = sweeper.Sweep(t.Context()) })
		v, err := w.Unlock(t.Context(), p.Secret())
		all.Wait()
		if err == nil {
			_, err = v.List(t.Context(), nil)
		}
		if err == nil {
			passing(t, w.Stage, 60*time.Hour)
			requireSound(t, w.Stage, p)
		} else {
			requireGone(t, w, p)
		}
	}
}

// Whatever fails while a wish is carried out, it is in the end, and nothing is half.
func TestWhateverFailsAWishIsCarriedOut(t *testing.T) {
	t.Parallel()
	for _, what := range faults {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			for n, reached := 1, true; reached; n += sized(2*what.every, 1) {
				reached = apart(t, "call", n, func(t *testing.T) bool {
					w := newWatched(t, nil)
					p, d := wishing(t, w, vault.WantErase)
					w.Clock.Set(d.ErasedAt.Add(time.Hour))
					what.set(w, n)
					_, _ = w.Sweep(t.Context())
					reached := w.failed()
					w.heal()
					requireGone(t, w, p)
					return reached
				})
			}
		})
	}
}

// A clock that goes back makes the wait no shorter; one that was wrong when it was
// recorded is what the record goes by.
func TestAClockThatJumpsCarriesNoWishOutTwiceOrEarly(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p, d := wishing(t, w, vault.WantErase)
			w.Clock.Advance(min(by, 80*day))
			_, err := w.Sweep(t.Context())
			require.NoError(t, err)
			w.Clock.Set(d.ErasedAt.Add(-time.Hour))
			_, err = w.Sweep(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, w.blobs.there(t))
			w.Clock.Set(d.ErasedAt)
			passing(t, w.Stage, 6*time.Hour)
			requireGone(t, w, p)
		})
	}
}

// deathFlows are the flows of wishes and of records about them.
func deathFlows() map[string]flow {
	wishes := func(want vault.Want) flow {
		return withPaper(func(t testing.TB, _ *watched, p *vaulttest.Person) {
			require.NoError(t, p.Vault.SetWish(t.Context(), map[vault.Want]vault.Want{vault.WantErase: vault.WantKeep}[want]))
		}, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.SetWish(t.Context(), want)
		}).showing(func(t testing.TB, v *vault.Vault) string { return string(wish(t, v).Want) })
	}
	return map[string]flow{
		"wish to be erased": wishes(vault.WantErase),
		"wish to be kept":   wishes(vault.WantKeep),
		"sign in after a death was recorded": withPaper(func(t testing.TB, w *watched, p *vaulttest.Person) {
			require.NoError(t, p.Vault.SetWish(t.Context(), vault.WantErase))
			_, err := w.RecordDeath(t.Context(), p.Vault.ID(), aDeath())
			require.NoError(t, err)
		}, func(t testing.TB, w *watched, p *vaulttest.Person) error {
			_, err := w.Unlock(t.Context(), p.Secret())
			return err
		}),
		"change the keys with a wish": func() flow {
			f := changing(true)
			prepare := f.prepare
			f.prepare = func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
				p, act := prepare(t, w)
				require.NoError(t, p.Vault.SetWish(t.Context(), vault.WantErase))
				return p, act
			}
			f.besides = func(t testing.TB, v *vault.Vault) string { return string(wish(t, v).Want) }
			f.costly = 8
			return f
		}(),
	}
}
