package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// jumps are what happens to the clock of a server: a battery that is empty, a
// time zone taken for the time, a wrong answer from the network.
var jumps = []time.Duration{
	time.Second, -time.Second, time.Hour, -time.Hour, 26 * time.Hour, -26 * time.Hour,
	-20 * 365 * 24 * time.Hour, 20 * 365 * 24 * time.Hour, 5 * 365 * 24 * time.Hour, -5 * 365 * 24 * time.Hour,
}

// The clock jumps between any two acts. What was acknowledged is there, and who
// was signed out signs in again.
func TestAClockThatJumpsBetweenActsLosesNothing(t *testing.T) {
	t.Parallel()
	for run := range sized(4/min(slower, 4), 30) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			random := rand.New(rand.NewPCG(uint64(run), 7))
			want := map[string]string{}
			for n := range 25 {
				s.Clock.Advance(jumps[random.IntN(len(jumps))])
				_, err := s.Sweep(t.Context())
				require.NoError(t, err)
				name, b := fmt.Sprint("paper ", n), content(uint64(n), random.IntN(3000)+1)
				err = s.addAnyhow(t, name, b)
				require.NoError(t, err)
				want[name] = digestOf(b)
				u := usage(t, s.Stage, s.v.ID())
				require.True(t, u.Used > 0 && u.Reserved == 0 && u.Left > 0, "%+v", u)
			}
			seen := requireSound(t, s.Stage, s.person)
			require.Len(t, seen, len(want)+2)
			for name, digest := range want {
				require.Contains(t, seen, fmt.Sprintf("document %q private r1 %s", name, digest))
			}
			for n, e := range requireJournal(t, s.person.SignIn(t, s.Stage)) {
				require.False(t, e.At.IsZero(), "line %d", n)
			}
		})
	}
}

// addAnyhow adds a paper and signs in again where the session has ended, which
// is the one thing that a clock may do to a person.
func (s *scene) addAnyhow(t *testing.T, name string, b []byte) error {
	t.Helper()
	doc := vault.NewDocument{Name: name, Size: int64(len(b))}
	_, err := s.v.AddDocument(t.Context(), doc, bytes.NewReader(b))
	if err == nil {
		return nil
	}
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	s.v = s.person.SignIn(t, s.Stage)
	_, err = s.v.AddDocument(t.Context(), doc, bytes.NewReader(b))
	return err
}

// jumping is a source during which the clock jumps, and a sweeper comes by.
func (s *scene) jumping(t *testing.T, b []byte, by time.Duration) io.Reader {
	half := len(b) / 2
	return io.MultiReader(bytes.NewReader(b[:half]), act(func() {
		s.Clock.Advance(by)
		_, err := s.Sweep(context.WithoutCancel(t.Context()))
		require.NoError(t, err)
	}), bytes.NewReader(b[half:]))
}

// act is a reader of nothing that does something.
type act func()

func (a act) Read([]byte) (int, error) {
	a()
	return 0, io.EOF
}

// The clock jumps in the middle of an upload, a replacement and a move, and a
// sweeper goes by the new time. The act is done, or refused and leaves nothing;
// what was there before is there.
func TestAClockThatJumpsInTheMiddleOfAnActLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprint(by, known), func(t *testing.T) {
				t.Parallel()
				w := newWatched(t, nil)
				p := w.Person(t)
				s := &scene{Stage: w.Stage, person: p, v: p.Vault}
				old := add(t, s.v, "old", content(1, 4000))
				size := 3 * segment
				doc := vault.NewDocument{Name: "new"}
				if known {
					doc.Size = int64(size)
				}
				_, err := s.v.AddDocument(t.Context(), doc, s.jumping(t, content(2, size), by))
				added := requireDoneOrEnded(t, err, by)
				if !added {
					s.v = s.person.SignIn(t, s.Stage)
				}
				_, err = s.v.ReplaceDocument(t.Context(), old.ID, 1, vault.NewDocument{Size: doc.Size}, s.jumping(t, content(3, size), by))
				replaced := requireDoneOrEnded(t, err, by)

				want := []string{`folder "Papers" private`, `folder "Papers" shared`}
				if added {
					want = append(want, fmt.Sprintf(`document "new" private r1 %s`, digestOf(content(2, size))))
				}
				if replaced {
					want = append(want, fmt.Sprintf(`document "old" private r2 %s`, digestOf(content(3, size))))
				} else {
					want = append(want, fmt.Sprintf(`document "old" private r1 %s`, digestOf(content(1, 4000))))
				}
				require.ElementsMatch(t, want, requireSound(t, s.Stage, s.person))
				settle(t, s.Stage)
				settle(t, s.Stage)
				requireTidy(t, s.Stage, w.blobs, s.v.ID())
			})
		}
	}
}

// requireDoneOrEnded allows a jump forward to end a session or an upload, as the
// same time passing would, and nothing else.
func requireDoneOrEnded(t *testing.T, err error, by time.Duration) (done bool) {
	t.Helper()
	if by <= time.Second {
		require.NoError(t, err)
	}
	if err != nil {
		require.Contains(t, []string{"session-ended", "upload-expired"}, vault.Code(err), "%v", err)
	}
	return err == nil
}

// A download goes on when the clock goes back, and ends like its session when it
// goes forward; what has come is right in any case.
func TestAClockThatJumpsDuringADownloadReleasesNothingWrong(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			b := content(1, 5*segment)
			c, err := s.v.ReadDocument(t.Context(), add(t, s.v, "paper", b).ID)
			require.NoError(t, err)
			defer c.Close()
			first := make([]byte, 1000)
			_, err = io.ReadFull(c, first)
			require.NoError(t, err)
			s.Clock.Advance(by)
			rest, err := io.ReadAll(c)
			require.True(t, bytes.HasPrefix(b, append(first, rest...)))
			if by <= time.Second {
				require.NoError(t, err)
			}
			if err == nil {
				require.Len(t, rest, len(b)-len(first))
			} else {
				require.ErrorIs(t, err, vault.ErrSessionEnded)
			}
		})
	}
}

// A clock that goes back makes no wait shorter: not the bin's, nor the closing
// year's, nor that of an upload that somebody may still be at.
func TestAClockThatGoesBackShortensNoWait(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, leaving := w.Person(t), w.Person(t)
	paper := add(t, p.Vault, "paper", content(1, 3000))
	_, err := p.Vault.Bin(t.Context(), paper.ID, 1)
	require.NoError(t, err)
	add(t, leaving.Vault, "paper", content(2, 3000))
	receipt, err := leaving.Vault.CloseAccount(t.Context(), leaving.Password)
	require.NoError(t, err)
	began := w.Clock.Now()

	for _, back := range []time.Duration{time.Hour, 40 * 24 * time.Hour, 20 * 365 * 24 * time.Hour} {
		w.Clock.Set(began.Add(-back))
		_, err := w.Sweep(t.Context())
		require.NoError(t, err)
		w.Clock.Set(began.Add(vault.BinKeeps - time.Hour))
		_, err = w.Sweep(t.Context())
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(requireSound(t, w.Stage, p)), "binned")
		w.Clock.Set(receipt.ErasedAt.Add(-time.Hour))
		_, err = w.Sweep(t.Context())
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(requireSound(t, w.Stage, leaving)), digestOf(content(2, 3000)))
		w.Clock.Set(began) // and p's bin was not looked at with the later clock: nobody signed in
	}
	w.Clock.Set(receipt.ErasedAt.Add(time.Hour))
	for range 2 {
		_, err = w.Sweep(t.Context())
		require.NoError(t, err)
	}
	_, err = w.Unlock(t.Context(), leaving.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn, "when it is over, it is over")
}

// The wait after wrong passwords is never negative, never longer than it may be,
// and a clock that is put back does not lift it.
func TestAClockThatJumpsLeavesTheWaitAfterWrongPasswordsWithinItsBounds(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			wrong := s.person.Secret()
			wrong.Secret = "wrong wrong wrong"
			wait := func() time.Duration {
				_, err := s.Unlock(t.Context(), wrong)
				var back *vault.BackOffError
				if err == nil || !requireSignInOrBackOff(t, err, &back) {
					return 0
				}
				require.Positive(t, back.Wait)
				require.LessOrEqual(t, back.Wait, 15*time.Minute)
				return back.Wait
			}
			for range 5 {
				require.Zero(t, wait())
			}
			require.NotZero(t, wait())
			s.Clock.Advance(by)
			if by < 0 {
				require.NotZero(t, wait(), "put back, and the wait is gone")
			}
			s.Clock.Advance(-by) // the clock is set right
			require.LessOrEqual(t, wait(), 15*time.Minute)
			s.Clock.Advance(16 * time.Minute)
			require.Eventually(t, func() bool { // whatever the jump was, it is over after the longest wait
				_, err := s.Unlock(t.Context(), s.person.Secret())
				return err == nil
			}, time.Minute, time.Millisecond)
		})
	}
}

func requireSignInOrBackOff(t *testing.T, err error, back **vault.BackOffError) bool {
	t.Helper()
	if vault.Code(err) == "back-off" {
		require.ErrorAs(t, err, back)
		return true
	}
	require.ErrorIs(t, err, vault.ErrSignIn)
	return false
}

// A session ends when its time is up by the clock of today, whatever the clock
// said when it began; it never outlives its end by more than the clock was wrong.
func TestASessionEndsAlsoIfTheClockWasWrongWhenItBegan(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			s.Clock.Advance(by)
			v := s.person.SignIn(t, s.Stage)
			for _, one := range sessions(t, v) {
				require.False(t, one.Expires.Before(one.Started), "%+v", one)
			}
			s.Clock.Advance(13 * time.Hour) // more than a session lasts
			_, err := s.Resume(t.Context(), v.Token())
			require.ErrorIs(t, err, vault.ErrSessionEnded)
			s.Clock.Advance(-13*time.Hour - by)
			require.NotEmpty(t, papersOrNone(t, s))
		})
	}
}

func sessions(t *testing.T, v *vault.Vault) []vault.Session {
	t.Helper()
	all, err := v.Sessions(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

func papersOrNone(t *testing.T, s *scene) []string {
	t.Helper()
	return requireSound(t, s.Stage, s.person)
}

// What is due lies under the hour that was wrong: it is found when that hour
// comes, and never stops the sweeper.
func TestWhatBecameDueByAWrongClockIsSweptAllTheSame(t *testing.T) {
	t.Parallel()
	for _, by := range jumps {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p := w.Person(t)
			w.Clock.Advance(by)
			v := p.SignIn(t, w.Stage)
			paper := add(t, v, "paper", content(1, 3000))
			require.NoError(t, v.Destroy(t.Context(), paper.ID, 1))
			require.NotEmpty(t, w.blobs.there(t))
			w.Clock.Advance(-by)
			for range 2 {
				_, err := w.Sweep(t.Context())
				require.NoError(t, err)
			}
			w.Clock.Advance(max(by, 0) + 3*time.Hour)
			settle(t, w.Stage)
			requireTidy(t, w.Stage, w.blobs, v.ID())
			for _, key := range keys(t, w.Store, "due/") {
				_, err := storage.ParseDue(key)
				require.NoError(t, err)
			}
		})
	}
}
