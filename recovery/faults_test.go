package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// scene is what somebody does something in, and what came of it so far.
type scene struct {
	*recoverytest.Stage
	parts *parts
	sheet string
	old   string
	help  recoverytest.Help
	page  *recovery.HandOver
	back  *vault.Vault
	at    map[string]*consent.Post // who helps, each where they work
}

// act is what somebody does, and what it may say when it is done already.
type act struct {
	kind vault.PathKind
	// ready is how far things are: 0: nothing, 1: enrolled, 2: a request is open, 3: it
	// is ready, 4: a page is open, 5: she is in, and Private waits.
	ready int
	do    func(ctx context.Context, s *scene) error
	done  []error
}

func acts() map[string]act {
	id := func(s *scene) vault.ID { return s.Amina.Vault.ID() }
	helpers, sheet, answers := vault.PathHelpers, vault.PathSheetRelay, vault.PathAnswersRelay
	complete := func(ctx context.Context, s *scene) error {
		_, err := s.page.Complete(ctx, recovery.Completion{Sheet: s.sheet, Answers: asTypedYearsLater, Password: recoverytest.NewPassword})
		return err
	}
	return map[string]act{
		"enrol": {kind: sheet, do: func(ctx context.Context, s *scene) error {
			made, err := s.Recovery.Enrol(ctx, s.Amina.Vault, everyWay(), s.Secret())
			if made.Sheet != nil {
				s.sheet = made.Sheet.Code
			}
			return err
		}},
		"withdraw": {kind: sheet, ready: 1, done: []error{vault.ErrNotFound}, do: func(ctx context.Context, s *scene) error {
			return s.Recovery.Withdraw(ctx, s.Amina.Vault, []vault.PathKind{vault.PathAnswersRelay}, s.Secret())
		}},
		"open": {kind: helpers, ready: 1, done: []error{recovery.ErrOpen}, do: func(ctx context.Context, s *scene) error {
			p := s.at["Samir"]
			ways, err := s.Recovery.Ways(ctx, p, id(s))
			if err != nil {
				return err
			}
			for _, w := range ways {
				if w.Kind == helpers {
					_, err = s.Recovery.Open(ctx, p, asksTheDesk(s.Stage, w.Path))
				}
			}
			return err
		}},
		"contribute": {kind: helpers, ready: 2, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.Contribute(ctx, s.at["Lina"], id(s), s.help.Request.ID)
			return err
		}},
		"approve": {kind: helpers, ready: 2, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.Approve(ctx, s.at["Rosa"], id(s), s.help.Request.ID, "known")
			return err
		}},
		"cancel": {kind: helpers, ready: 2, done: []error{recovery.ErrRequest}, do: func(ctx context.Context, s *scene) error {
			return s.Recovery.Cancel(ctx, s.at["Omar"], id(s), s.help.Request.ID, "")
		}},
		"cancel her own": {kind: sheet, ready: 2, done: []error{recovery.ErrRequest}, do: func(ctx context.Context, s *scene) error {
			return s.Recovery.CancelOwn(ctx, s.Amina.Vault, s.help.Request.ID)
		}},
		"enter": {kind: helpers, ready: 3, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.Enter(ctx, s.help.HandOverCode())
			return err
		}},
		"resume": {kind: sheet, ready: 4, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.Resume(ctx, s.page.Token())
			return err
		}},
		"complete with a sheet": {kind: sheet, ready: 4, done: []error{recovery.ErrRequest}, do: complete},
		"complete with answers": {kind: answers, ready: 4, done: []error{recovery.ErrRequest}, do: complete},
		"complete with nothing": {kind: helpers, ready: 4, done: []error{recovery.ErrRequest}, do: complete},
		"open what was left later": {kind: helpers, ready: 5, done: []error{vault.ErrNotFound}, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.OpenPending(ctx, s.back, s.Secret())
			return err
		}},
	}
}

func everyWay() recovery.Enrolment {
	return recovery.Enrolment{
		Sheet: &recovery.NewSheet{Private: true}, Answers: &recovery.NewAnswers{Questions: herQuestions, Private: true},
		Helpers: &recovery.NewHelpers{Private: true}, Notice: recoverytest.Notice(), Agreed: true,
	}
}

// prepare sets the scene in which somebody is about to do it.
func (a act) prepare(t *testing.T) *scene {
	t.Helper()
	s := &scene{}
	s.Stage, s.parts = newBroken(t, recoverytest.Options{})
	papers(t, s.Stage)
	s.old = s.Amina.Password
	if a.ready > 0 {
		s.sheet = s.Enrol(t, everyWay()).Sheet.Code
	}
	if a.ready == 2 {
		s.help = s.Begin(t, a.kind)
	}
	if a.ready > 2 {
		s.help = s.Ready(t, a.kind)
	}
	if a.ready > 3 {
		s.page = s.Enter(t, s.help)
	}
	if a.ready > 4 {
		s.back = s.Complete(t, s.help, recovery.Completion{}).Vault
		s.Wait(a.kind, true)
		s.back = s.Amina.SignIn(t, s.Stage.Stage.Stage)
	}
	s.at = map[string]*consent.Post{}
	for name, w := range map[string]*consenttest.Staff{"Samir": s.Samir, "Rosa": s.Rosa, "Lina": s.Lina, "Omar": s.Omar} {
		s.at[name] = s.Post(t, w)
	}
	s.parts.heal() // counts from here
	return s
}

// Whatever fails: it was done or it was not, and says which; done again it ends as if
// nothing had happened; and she is in with the new password, or out as before with a way
// back in that still works.
func TestWhateverFailsNobodyIsLockedOutAndNothingIsHalfDone(t *testing.T) {
	t.Parallel()
	turn := 0
	for name, a := range acts() {
		for k, f := range faults {
			turn++
			if sized((len(name)+k)%7, 0) != 0 {
				continue
			}
			t.Run(name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				healthy := a.prepare(t)
				require.NoError(t, a.do(t.Context(), healthy))
				total := f.of(healthy.parts)
				step := max(1, total/sized(1, 3))
				for n := 1 + (turn*7)%step; n <= total; n += step {
					a.fails(t, f, n)
				}
			})
		}
	}
}

func (a act) fails(t *testing.T, f fault, n int) {
	s := a.prepare(t)
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
	if completes := strings.HasPrefix(t.Name(), "TestWhateverFailsNobodyIsLockedOutAndNothingIsHalfDone/complete"); completes {
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
