package recovery_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// Whatever fails: it was done or it was not, and says which; done again it ends as if
// nothing had happened; and she is in with the new password, or out as before with a way
// back in that still works.
func TestWhateverFailsNobodyIsLockedOutAndNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	turn := 0
	for name, a := range acts() {
		turn += len(faults)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total := a.calls(t)
			for k, f := range faults {
				if sized((len(name)+k)%7, 0) != 0 {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					step := max(1, total[f.name]/sized(1, 2))
					for n := 1 + (turn+k)*7%step; n <= total[f.name]; n += step {
						t.Run(fmt.Sprint(n), func(t *testing.T) { a.fails(t, f, n, recoverytest.Options{}) }) // what it had goes at once
					}
				})
			}
		})
	}
}

// The same on a disk: SQLite and files. RECONNECT_FAULTS=all is every fault at every call
// of every act, which takes very long.
func TestWhateverFailsOnADiskNobodyIsLockedOut(t *testing.T) {
	t.Parallel()
	everything := os.Getenv("RECONNECT_FAULTS") == "all"
	onDisk := func() (opts recoverytest.Options) {
		opts.Consent.Vault.Folder = t.TempDir()
		return opts
	}
	turn := 0
	for _, name := range slices.Sorted(maps.Keys(acts())) {
		a := acts()[name]
		turn++
		if !everything && turn%sized(4, 1) != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			healthy := a.prepare(t, onDisk())
			require.NoError(t, a.do(t.Context(), healthy))
			for k, f := range faults {
				total := f.of(healthy.parts)
				if everything {
					for n := 1; n <= total; n++ {
						a.fails(t, f, n, onDisk())
					}
				} else if k == turn%len(faults) && total > 0 {
					a.fails(t, f, 1+rand.IntN(total), onDisk())
				}
			}
		})
	}
}

// calls are how many of each kind the act makes, by the name of the fault.
func (a act) calls(t *testing.T) map[string]int {
	total := map[string]int{}
	t.Run("with everything well", func(t *testing.T) {
		s := a.prepare(t, recoverytest.Options{})
		require.NoError(t, a.do(t.Context(), s))
		for _, f := range faults {
			total[f.name] = f.of(s.parts)
		}
	})
	return total
}

func (a act) fails(t *testing.T, f fault, n int, opts recoverytest.Options) {
	s := a.prepare(t, opts)
	f.set(s.parts, n)
	err := a.do(t.Context(), s)
	s.parts.heal()
	which := fmt.Sprintf("%s, call %d: %v", f.name, n, err)
	if err != nil {
		require.NotEmpty(t, vault.Code(err), which)
	}
	s.Clock.Advance(31 * time.Second) // whoever is away is not asked again for so long
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		again := a.do(t.Context(), s)
		if errors.Is(again, vault.ErrSessionEnded) { // it was done, and what was done ends sessions
			again = nil
		}
		for _, done := range a.done {
			if errors.Is(again, done) {
				again = nil
			}
		}
		require.NoError(t, again, which)
	}
	s.requireNobodyLockedOut(t, a, which)
}

// requireNobodyLockedOut has Amina come in: with the new password, or the old one and the
// way back in.
func (s *scene) requireNobodyLockedOut(t *testing.T, a act, which string) {
	t.Helper()
	in := func(password string) (*vault.Vault, error) {
		return s.Unlock(t.Context(), vault.Password{Login: s.Amina.Login, Secret: password})
	}
	_, old := in(s.old)
	v, fresh := in(recoverytest.NewPassword)
	require.True(t, (old == nil) != (fresh == nil), "exactly one opens: %v, %v; %s", old, fresh, which)
	if a.does == comesBack {
		require.NoError(t, fresh, which)
	}
	want := []string{"Letter", "Diary"}
	if fresh == nil && a.kind == vault.PathHelpers && a.ready == 4 {
		want = want[:1] // the other one waits
	}
	if fresh != nil {
		s.Amina.Password = s.old
		s.Amina.Vault = s.Amina.SignIn(t, s.Stage.Stage.Stage)
		made := s.Enrol(t, everyWay()) // whatever is left of before does not stand in the way
		s.Complete(t, s.Begin(t, vault.PathSheetRelay), recovery.Completion{Sheet: made.Sheet.Code})
		v = s.Amina.Vault
	}
	s.Amina.Password = recoverytest.NewPassword
	require.ElementsMatch(t, want, titles(t, v), which)
	s.requireNoOrphans(t)
}

// requireNoOrphans demands that nothing of any request is left when its time is over.
func (s *scene) requireNoOrphans(t *testing.T) {
	t.Helper()
	s.Clock.Advance(200 * 24 * time.Hour)
	_, err := s.Sweep(t.Context())
	require.NoError(t, err)
	for rec, err := range s.Store.All(t.Context(), "") {
		require.NoError(t, err)
		for _, place := range []string{"/rq/", "/in/q/", "svc/handover/"} {
			require.False(t, strings.Contains(rec.Key, place) && !strings.HasPrefix(rec.Key, "due/"), rec.Key)
		}
	}
}
