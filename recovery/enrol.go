package recovery

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Enrolment is which ways back in the person wants, as they say it in one go. What is
// nil stays as it is.
type Enrolment struct {
	Sheet   *NewSheet
	Answers *NewAnswers
	Helpers *NewHelpers
	// Desk is the desk that may help by call; zero: the one that may already, if any.
	// Paths by call are enrolled only where there is one.
	Desk consent.RelayID
	// Notice is what the person read and agreed to; a receipt of it is kept.
	Notice vault.Notice
	Agreed bool // must be true
}

// NewSheet asks for a recovery sheet: with a relay that follows and, if there is a desk,
// by call.
type NewSheet struct {
	Private bool // opens Private, too; proposed
}

// NewAnswers asks for questions: with a relay that follows, and by call if asked for.
type NewAnswers struct {
	Questions []Question // three to five; or
	Pictures  []string   // a sequence of five to twelve names of [Pictures]
	Private   bool       // a yes of its own
	ByCall    bool       // by phone, too, after a wait: ErrNotIndependent without a witness of another organisation
}

// Question is a question with its answer.
type Question struct {
	Text   string // in the person's words, or suggested: see SuggestedQuestions
	Answer string
}

// NewHelpers asks for the path with nothing of the person's: two people of a relay, two
// of a desk of another organisation, and a wait.
type NewHelpers struct {
	Private bool // after a longer wait, Private too: a second yes
}

// Enrolled is what an enrolment made.
type Enrolled struct {
	Sheet    *Sheet // to be printed now; it is shown once
	Paths    []vault.Path
	Strength *Strength // of the answers
	Receipt  Receipt
}

// Enrol makes ways back in. The person shows their secret again. Each takes the place of
// the one of its kind, which is dead at once (F8): a sheet of before opens nothing, in
// whichever way it was to be used, and no more do the answers of before. The relays that
// follow and the desk have their halves when it returns; the witness has the policy. A
// sheet is in force, though nobody has confirmed that it was printed: see Confirm.
//
// Of what was asked for, the ways are made for which there is somebody: a sheet is for a
// relay that follows, for the desk, or for both.
//
// Errors: vault.ErrInvalid with each problem, ErrWeak (Strength says how weak),
// ErrNotIndependent, ErrNotOffered, vault.ErrNoHelper, vault.ErrOneOrganisation,
// vault.ErrSignIn, vault.ErrWitnessAway (nothing was changed, but that a desk may have
// been let help, with nothing to help with), vault.ErrUnconfirmed (it is in force; what
// was made is returned), and those of consent.Service.AllowDesk where Desk is another one
// than may help already.
func (s *Service) Enrol(ctx context.Context, v *vault.Vault, e Enrolment, secret vault.Secret) (Enrolled, error) {
	strength, err := e.check()
	if err != nil {
		return Enrolled{Strength: strength}, err
	}
	now, err := s.standing(ctx, v)
	if err != nil {
		return Enrolled{}, err
	}
	fresh := false
	if !e.Desk.IsZero() && (now.desk == nil || now.desk.ID != e.Desk) {
		desk, err := s.cfg.Directory.Relay(ctx, e.Desk)
		if err != nil {
			return Enrolled{}, err
		}
		now.desk, fresh = &desk, true
	}
	kinds, err := s.wanted(e, now)
	if err != nil {
		return Enrolled{}, err
	}
	if fresh && slices.ContainsFunc(kinds, vault.PathKind.Desk) {
		_, err := s.cfg.Consent.AllowDesk(ctx, v, consent.DeskHelp{Desk: e.Desk, Notice: e.Notice, Agreed: e.Agreed, Channel: channel}, secret)
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) { // the next commit is confirmed with it, or not
			return Enrolled{}, err
		}
	}
	made := Enrolled{Strength: strength}
	change := vault.PathChange{Withdraw: now.replaced(e, kinds)}
	if change.Enrol, made.Sheet, err = s.newPaths(ctx, v, e, kinds); err != nil {
		return Enrolled{}, err
	}
	if made.Receipt, err = s.receipt(v, &e.Notice, change); err != nil {
		return Enrolled{}, err
	}
	change.Receipt = made.Receipt.Text
	if err = v.ChangePaths(ctx, change, secret); err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return Enrolled{}, err
	}
	for _, n := range change.Enrol {
		made.Paths = append(made.Paths, now.path(n, made.Receipt.At))
	}
	return made, err
}

// channel is where the yes to a desk was given, as its receipt says.
const channel = "recovery"

// maxNotice bounds the text of a notice, as consent does: a receipt keeps its digest.
const maxNotice = 9_000

func (e *Enrolment) check() (strength *Strength, err error) {
	var problems []error
	bad := func(is bool, field, problem string) {
		if is {
			problems = append(problems, invalid(field, problem))
		}
	}
	n := e.Notice
	bad(!e.Agreed, "agreed", "was not given; nothing was made")
	bad(n.Version == "" || n.Language == "" || n.Text == "", "notice", "is not complete: version, language and text")
	bad(len(n.Text) > maxNotice || len(n.Version)+len(n.Language) > 200, "notice", "is longer than 9000 bytes")
	bad(e.Sheet == nil && e.Answers == nil && e.Helpers == nil, "enrolment", "asks for nothing")
	if e.Answers != nil {
		worth, err := e.Answers.check()
		if strength = &worth; err != nil {
			problems = append(problems, err)
		}
	}
	return strength, errors.Join(problems...)
}

// wanted are the kinds of paths that an enrolment comes to, here and now.
func (s *Service) wanted(e Enrolment, now standing) (kinds []vault.PathKind, err error) {
	var asked [][]vault.PathKind // of each, as many as there is somebody for
	if e.Sheet != nil {
		asked = append(asked, []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk})
	}
	if e.Answers != nil && !e.Answers.ByCall {
		asked = append(asked, []vault.PathKind{vault.PathAnswersRelay})
	}
	if e.Answers != nil && e.Answers.ByCall {
		if err := s.can(vault.PathAnswersDesk, now); err != nil {
			return nil, err // asked for in so many words: not left out in silence
		}
		asked = append(asked, []vault.PathKind{vault.PathAnswersRelay, vault.PathAnswersDesk})
	}
	if e.Helpers != nil {
		asked = append(asked, []vault.PathKind{vault.PathHelpers})
	}
	for _, some := range asked {
		var first error
		before := len(kinds)
		for _, kind := range some {
			if err := s.can(kind, now); err == nil {
				kinds = append(kinds, kind)
			} else if first == nil {
				first = err
			}
		}
		if len(kinds) == before {
			return nil, first
		}
	}
	return kinds, nil
}

// newPaths makes what the commit takes. The sheet has one code for each way that it is
// for, with a salt of its own in each.
func (s *Service) newPaths(ctx context.Context, v *vault.Vault, e Enrolment, kinds []vault.PathKind) (all []vault.NewPath, sheet *Sheet, err error) {
	if e.Sheet != nil {
		login, err := v.Login(ctx)
		if err != nil {
			return nil, nil, err
		}
		drawn, err := newSheet(login)
		if err != nil {
			return nil, nil, err
		}
		sheet = &drawn
	}
	for _, kind := range kinds {
		n, err := s.newPath(ctx, v, e, kind, sheet)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, n)
	}
	return all, sheet, nil
}

func (s *Service) newPath(ctx context.Context, v *vault.Vault, e Enrolment, kind vault.PathKind, sheet *Sheet) (n vault.NewPath, err error) {
	n = vault.NewPath{Kind: kind, ID: vault.NewPathID()}
	var p params
	switch kind {
	case vault.PathSheetRelay, vault.PathSheetDesk:
		n.Private, p = e.Sheet.Private, newParams(formSheet, 0)
		n.Own, err = s.sheetPart(ctx, p, *sheet)
	case vault.PathAnswersRelay, vault.PathAnswersDesk:
		n.Private = e.Answers.Private
		p, err = s.evaluateAnswers(ctx, v, &n, e.Answers)
	default:
		n.Private = e.Helpers.Private
		p, err = evaluateValues(ctx, v, &n)
	}
	if err != nil {
		return n, err
	}
	if n.Waits = s.waits(kind, n.Private); n.Waits[0] > 0 {
		p.Waits = []int64{n.Waits[0].Milliseconds(), n.Waits[1].Milliseconds()}
	}
	n.Params, err = seal.Marshal(p)
	return n, err
}

// evaluateAnswers makes what answers come to. The witness evaluates them once in the
// person's own session; once the path is in force, it does so as its policy says (N13).
func (s *Service) evaluateAnswers(ctx context.Context, v *vault.Vault, n *vault.NewPath, a *NewAnswers) (params, error) {
	form, answers, show := a.form()
	p := newParams(form, len(answers))
	input, err := s.answersInput(ctx, p, answers)
	if err != nil {
		return p, err
	}
	own, generation, err := v.EvaluateNew(ctx, n.ID, 0, input)
	if err != nil {
		return p, err
	}
	n.Own, p.Generations = own[:], []uint64{generation}
	n.Shown, err = seal.Marshal(show)
	return p, err
}

// evaluateValues makes what the witness releases after a wait, one for each key.
func evaluateValues(ctx context.Context, v *vault.Vault, n *vault.NewPath) (params, error) {
	p := newParams(formNothing, 0)
	for class := range n.Values {
		if class == 1 && !n.Private {
			break
		}
		value, generation, err := v.EvaluateNew(ctx, n.ID, class, waitedInput(n.ID, class))
		if err != nil {
			return p, err
		}
		n.Values[class], p.Generations = value[:], append(p.Generations, generation)
	}
	return p, nil
}

func (s *Service) waits(kind vault.PathKind, private bool) (w [2]time.Duration) {
	switch kind {
	case vault.PathAnswersDesk:
		w = [2]time.Duration{s.cfg.Waits.AnswersDesk, s.cfg.Waits.AnswersDesk}
	case vault.PathHelpers:
		w = [2]time.Duration{s.cfg.Waits.Helpers, s.cfg.Waits.HelpersPrivate}
	}
	if !private {
		w[1] = 0
	}
	return w
}

// Withdraw takes ways back in away, at once: a lost sheet opens nothing from then on. The
// person shows their secret again. A receipt of it is kept. vault.ErrNotFound if there is
// none of these kinds, vault.ErrInvalid for none; and those of Enrol.
func (s *Service) Withdraw(ctx context.Context, v *vault.Vault, kinds []vault.PathKind, secret vault.Secret) error {
	if len(kinds) == 0 {
		return invalid("kinds", "names no way back in")
	}
	all, err := v.Paths(ctx)
	lost := errors.Is(err, vault.ErrTampered)
	if err != nil && !lost {
		return err
	}
	var change vault.PathChange
	for _, kind := range kinds {
		there := slices.ContainsFunc(all, func(p vault.Path) bool { return p.Kind == kind })
		if there || lost { // what the store altered is withdrawn all the same
			change.Withdraw = append(change.Withdraw, kind)
		}
	}
	if len(change.Withdraw) == 0 {
		return vault.ErrNotFound
	}
	receipt, err := s.receipt(v, nil, change)
	if err != nil {
		return err
	}
	change.Receipt = receipt.Text
	return v.ChangePaths(ctx, change, secret)
}

// Confirm notes that what belongs to paths is in the person's hands: a sheet was printed,
// all its paths are confirmed. vault.ErrNotFound if one is not in force (any more).
func (s *Service) Confirm(ctx context.Context, v *vault.Vault, of ...vault.PathID) error {
	for _, id := range of {
		if err := v.ConfirmPath(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
