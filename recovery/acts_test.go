package recovery_test

import (
	"context"
	"testing"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// scene is what somebody does something in, and what came of it so far.
type scene struct {
	*recoverytest.Stage
	id    vault.ID // of Amina's
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
	hers  bool // she does it herself, signed in
	does  does
	do    func(ctx context.Context, s *scene) error
	done  []error
}

// does is what an act leads to, so that a test can ask whether it was done.
type does int

const (
	nothing does = iota
	makesWays
	opens
	gives
	approves
	cancels
	enters
	comesBack
	opensLater
)

func acts() map[string]act {
	helpers, sheet, answers := vault.PathHelpers, vault.PathSheetRelay, vault.PathAnswersRelay
	complete := func(ctx context.Context, s *scene) error {
		back, err := s.page.Complete(ctx, recovery.Completion{Sheet: s.sheet, Answers: asTypedYearsLater, Password: recoverytest.NewPassword})
		s.back = back.Vault
		return err
	}
	return map[string]act{
		"enrol": {kind: sheet, hers: true, does: makesWays, do: func(ctx context.Context, s *scene) error {
			made, err := s.Recovery.Enrol(ctx, s.Amina.Vault, everyWay(), s.Secret())
			if made.Sheet != nil {
				s.sheet = made.Sheet.Code
			}
			return err
		}},
		"withdraw": {kind: sheet, ready: 1, hers: true, done: []error{vault.ErrNotFound}, do: func(ctx context.Context, s *scene) error {
			return s.Recovery.Withdraw(ctx, s.Amina.Vault, []vault.PathKind{vault.PathAnswersRelay}, s.Secret())
		}},
		"open": {kind: helpers, ready: 1, does: opens, done: []error{recovery.ErrOpen}, do: func(ctx context.Context, s *scene) error {
			p := s.at["Samir"]
			ways, err := s.Recovery.Ways(ctx, p, s.id)
			if err != nil {
				return err
			}
			for _, w := range ways {
				if w.Kind == helpers {
					s.help.Kind = helpers
					ask := recovery.NewRequest{Vault: s.id, Path: w.Path, Recognised: "known", Ask: []consent.RelayID{s.Line.ID}}
					s.help.Opened, err = s.Recovery.Open(ctx, p, ask)
				}
			}
			return err
		}},
		"contribute": {kind: helpers, ready: 2, does: gives, do: func(ctx context.Context, s *scene) error {
			given, err := s.Recovery.Contribute(ctx, s.at["Lina"], s.id, s.help.Request.ID)
			s.help.Desk = given.Code
			return err
		}},
		"approve": {kind: helpers, ready: 2, does: approves, done: []error{recovery.ErrAgreed}, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.Approve(ctx, s.at["Rosa"], s.id, s.help.Request.ID, "known")
			return err
		}},
		"cancel": {kind: helpers, ready: 2, does: cancels, done: []error{recovery.ErrRequest}, do: func(ctx context.Context, s *scene) error {
			return s.Recovery.Cancel(ctx, s.at["Omar"], s.id, s.help.Request.ID, "")
		}},
		"cancel her own": {kind: sheet, ready: 2, hers: true, does: cancels, done: []error{recovery.ErrRequest}, do: func(ctx context.Context, s *scene) error {
			return s.Recovery.CancelOwn(ctx, s.Amina.Vault, s.help.Request.ID)
		}},
		"enter": {kind: helpers, ready: 3, does: enters, do: func(ctx context.Context, s *scene) error {
			page, err := s.Recovery.Enter(ctx, s.help.HandOverCode())
			if err == nil {
				s.page = page
			}
			return err
		}},
		"resume": {kind: sheet, ready: 4, do: func(ctx context.Context, s *scene) error {
			_, err := s.Recovery.Resume(ctx, s.page.Token())
			return err
		}},
		"complete with a sheet": {kind: sheet, ready: 4, does: comesBack, done: []error{recovery.ErrRequest}, do: complete},
		"complete with answers": {kind: answers, ready: 4, does: comesBack, done: []error{recovery.ErrRequest}, do: complete},
		"complete with nothing": {kind: helpers, ready: 4, does: comesBack, done: []error{recovery.ErrRequest}, do: complete},
		"open what was left later": {kind: helpers, ready: 5, hers: true, does: opensLater, done: []error{vault.ErrNotFound}, do: func(ctx context.Context, s *scene) error {
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
func (a act) prepare(t *testing.T, opts recoverytest.Options) *scene {
	t.Helper()
	s := &scene{}
	s.Stage, s.parts = newBroken(t, opts)
	s.id = s.Amina.Vault.ID()
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
		s.back, s.page = s.Complete(t, s.help, recovery.Completion{}).Vault, nil
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
