package recovery_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// prepared is a town in which somebody prepares for the day when everything is lost: a
// day centre, whose worker is called Samir, and the phone line of another organisation,
// where Paul answers.
type prepared struct {
	*consenttest.Stage
	*recovery.Service
	centre, line *consenttest.Relay
	samir, paul  *consenttest.Staff
	amina        *vaulttest.Person
	v            *vault.Vault
}

func newPrepared(t testing.TB, change func(*recovery.Config)) *prepared {
	t.Helper()
	s := &prepared{Stage: consenttest.New(t, nil)}
	s.centre, s.line = s.Relay(t, "Harbour"), s.Relay(t, "Line")
	other := consent.Organisation{ID: consent.NewOrganisationID(), Name: "Others", Country: "FR"}
	s.Sign(t, consent.Change{Organisation: &other})
	s.line.Relay.Organisation, s.line.Relay.Type = other.ID, consent.TypeDesk
	s.Sign(t, consent.Change{Relay: &s.line.Relay})
	s.samir, s.paul = s.centre.Hire(t, "Samir", consent.RoleHelp), s.line.Hire(t, "Paul", consent.RoleHelp)
	s.amina = s.Person(t)
	s.v = s.amina.Vault
	s.Service = s.with(t, change)
	return s
}

// with is the service with another configuration.
func (s *prepared) with(t testing.TB, change func(*recovery.Config)) *recovery.Service {
	t.Helper()
	cfg := recovery.Config{Vaults: s.Vaults, Consent: s.Stage.Service, Directory: s.Directory, Register: s.Register, Store: s.Store, Witness: s.Witness, Now: s.Clock.Now, Independent: true}
	if change != nil {
		change(&cfg)
	}
	service, err := recovery.New(cfg)
	require.NoError(t, err)
	return service
}

var readNotice = vault.Notice{Version: "ways-1", Language: "en", Text: "Who can help you back in, what it opens, and how to end it."}

func (s *prepared) secret() vault.Secret { return vault.Secret{Password: s.amina.Password} }

func (s *prepared) follow(t testing.TB) consent.Receipt {
	t.Helper()
	r, err := s.Stage.Follow(t.Context(), s.v, consent.Follow{Relay: s.centre.ID, Scope: vault.ScopeAdd, Notice: readNotice, Agreed: true, Name: "Amina"}, s.secret())
	require.NoError(t, err)
	return r
}

// asks completes what somebody asks for.
func asks(e recovery.Enrolment) recovery.Enrolment {
	e.Notice, e.Agreed = readNotice, true
	return e
}

func (s *prepared) enrol(t testing.TB, e recovery.Enrolment) recovery.Enrolled {
	t.Helper()
	made, err := s.Enrol(t.Context(), s.v, asks(e), s.secret())
	require.NoError(t, err)
	return made
}

func kindsOf[P any](paths []P, kind func(P) vault.PathKind) (kinds []string) {
	for _, p := range paths {
		kinds = append(kinds, kind(p).String())
	}
	return kinds
}

func made(e recovery.Enrolled) []string {
	return kindsOf(e.Paths, func(p vault.Path) vault.PathKind { return p.Kind })
}

func (s *prepared) review(t testing.TB) recovery.Review {
	t.Helper()
	r, err := s.Review(t.Context(), s.v)
	require.NoError(t, err)
	return r
}

func reviewed(r recovery.Review) []string {
	return kindsOf(r.Paths, func(p recovery.PathReview) vault.PathKind { return p.Kind })
}

// requireSamePath: what was made is what is reviewed; who helps stands in no order.
func requireSamePath(t testing.TB, a, b vault.Path) {
	t.Helper()
	require.ElementsMatch(t, a.Helpers, b.Helpers)
	a.Helpers, b.Helpers = nil, nil
	require.Equal(t, a, b)
}

// comesBack asks a helper for help by a path, and completes it on a device of her own.
func (s *prepared) comesBack(t testing.TB, post *consent.Post, path vault.PathID, c recovery.Completion) (recovery.Completed, error) {
	t.Helper()
	o, err := s.Open(t.Context(), post, recovery.NewRequest{Vault: s.v.ID(), Path: path, Recognised: "known for years"})
	require.NoError(t, err)
	if o.Request.Wait > 0 {
		s.Clock.Advance(o.Request.Wait + time.Minute)
	}
	h, err := s.Enter(t.Context(), recovery.HandOverCode{Number: o.Number, Code: o.Code})
	require.NoError(t, err)
	c.Password = "nouveau mot de passe " + o.Number
	done, err := h.Complete(t.Context(), c)
	if err == nil {
		s.amina.Password, s.v = c.Password, done.Vault
	}
	return done, err
}

func threeQuestions() []recovery.Question {
	return []recovery.Question{
		{Text: "What was your first animal called?", Answer: "Caramel"},
		{Text: "Where did you hide?", Answer: "le vieux moulin"},
		{Text: " What did you want to become? ", Answer: "Réparatrice de vélos"},
	}
}

func TestASheetOpensWithARelayAndByCall(t *testing.T) {
	t.Parallel()
	for _, byCall := range []bool{false, true} {
		s := newPrepared(t, nil)
		s.follow(t)
		e := s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}, Desk: s.line.ID})
		require.Equal(t, []string{"sheet-relay", "sheet-desk"}, made(e))
		require.Equal(t, s.amina.Login, e.Sheet.Login)
		for i, p := range s.review(t).Paths {
			requireSamePath(t, p.Path, e.Paths[i])
		}
		typed := e.Sheet.Code
		post, path := s.samir.At(t, s.centre), e.Paths[0].ID
		if byCall {
			post, path, typed = s.paul.At(t, s.line), e.Paths[1].ID, strings.Join(e.Sheet.Words("fr"), " ")
		}
		done, err := s.comesBack(t, post, path, recovery.Completion{Sheet: typed})
		require.NoError(t, err)
		require.True(t, done.Private)
	}
}

// F8: whichever way the sheet of before was for, it opens nothing any more.
func TestANewSheetIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	s.follow(t)
	old := s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}, Desk: s.line.ID})
	relayOnly := s.with(t, func(c *recovery.Config) { c.Offer = []vault.PathKind{vault.PathSheetRelay} })
	e, err := relayOnly.Enrol(t.Context(), s.v, asks(recovery.Enrolment{Sheet: &recovery.NewSheet{}}), s.secret())
	require.NoError(t, err)
	require.Equal(t, []string{"sheet-relay"}, made(e))
	require.Equal(t, []string{"sheet-relay"}, reviewed(s.review(t)), "the other way of the old sheet is gone")
	require.NotEqual(t, old.Sheet.Code, e.Sheet.Code)
	_, err = s.comesBack(t, s.samir.At(t, s.centre), e.Paths[0].ID, recovery.Completion{Sheet: old.Sheet.Code})
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = s.comesBack(t, s.samir.At(t, s.centre), e.Paths[0].ID, recovery.Completion{Sheet: e.Sheet.QRText()})
	require.NoError(t, err)
}

func TestAnswersOpenHoweverTheyAreSpelt(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	s.follow(t)
	e := s.enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: threeQuestions()}})
	require.Equal(t, []string{"answers-relay"}, made(e))
	require.True(t, e.Strength.Enough)
	require.Nil(t, e.Sheet)
	r := s.review(t)
	require.Equal(t, []string{"What was your first animal called?", "Where did you hide?", "What did you want to become?"}, r.Paths[0].Questions)
	require.Equal(t, "Harbour", r.Paths[0].Helpers[0].Name)
	path := e.Paths[0].ID
	_, err := s.comesBack(t, s.samir.At(t, s.centre), path, recovery.Completion{Answers: []string{"Caramel", "le moulin", "réparatrice de vélos"}})
	require.ErrorIs(t, err, vault.ErrSignIn)
	done, err := s.comesBack(t, s.samir.At(t, s.centre), path, recovery.Completion{Answers: []string{"CARAMEL!", "Le vieux-moulin", "reparatrice de velos"}})
	require.NoError(t, err)
	require.False(t, done.Private, "that takes a yes of its own")
}

func TestASequenceOfPicturesIsAnAnswerByCallADayLater(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	s.follow(t)
	sequence := []string{"fish", "sun", "key", "boat", "elephant"}
	e := s.enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Pictures: sequence, ByCall: true, Private: true}, Desk: s.line.ID})
	require.Equal(t, []string{"answers-relay", "answers-desk"}, made(e))
	require.Equal(t, [2]time.Duration{24 * time.Hour, 24 * time.Hour}, e.Paths[1].Waits)
	require.True(t, s.review(t).Paths[1].Pictures)
	_, err := s.comesBack(t, s.samir.At(t, s.centre), e.Paths[0].ID, recovery.Completion{Answers: []string{"sun", "fish", "key", "boat", "elephant"}})
	require.ErrorIs(t, err, vault.ErrSignIn, "in another order")
	done, err := s.comesBack(t, s.paul.At(t, s.line), e.Paths[1].ID, recovery.Completion{Answers: []string{"fish", "☀️", "key", "⛵", "elephant"}})
	require.NoError(t, err)
	require.True(t, done.Private)
}

func TestEverythingCanBeEnrolledInOneGo(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, func(c *recovery.Config) { c.Waits = recovery.Waits{Helpers: 10 * 24 * time.Hour} })
	s.follow(t)
	e := s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}, Answers: &recovery.NewAnswers{Questions: threeQuestions(), ByCall: true}, Helpers: &recovery.NewHelpers{Private: true}, Desk: s.line.ID})
	require.Equal(t, []string{"sheet-relay", "sheet-desk", "answers-relay", "answers-desk", "helpers"}, made(e))
	require.Equal(t, [2]time.Duration{10 * 24 * time.Hour, 30 * 24 * time.Hour}, e.Paths[4].Waits)
	require.Equal(t, 2, e.Paths[4].Organised)
	r := s.review(t)
	for i, p := range r.Paths {
		requireSamePath(t, p.Path, e.Paths[i])
	}
	require.Equal(t, []consent.RelayID{s.line.ID}, r.Desks)
	require.Len(t, r.Offered, 5)

	// What is not asked for stays as it is.
	again := s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}})
	require.Equal(t, []string{"sheet-relay", "sheet-desk"}, made(again), "the desk may help already")
	for i, p := range s.review(t).Paths[2:] {
		requireSamePath(t, p.Path, r.Paths[2+i].Path)
	}

	require.NoError(t, s.Confirm(t.Context(), s.v, again.Paths[0].ID, again.Paths[1].ID))
	require.Equal(t, vault.PathConfirmed, s.review(t).Paths[1].State)
	require.ErrorIs(t, s.Confirm(t.Context(), s.v, e.Paths[0].ID), vault.ErrNotFound)
}

func TestAReceiptIsKeptOfEveryChangeAndHoldsNothingThatOpens(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	s.follow(t)
	e := s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}, Answers: &recovery.NewAnswers{Questions: threeQuestions()}})
	require.NoError(t, s.Withdraw(t.Context(), s.v, []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk}, s.secret()))
	all, err := s.Receipts(t.Context(), s.v)
	require.NoError(t, err)
	require.Len(t, all, 2)
	given := 0
	if string(all[1].Text) == string(e.Receipt.Text) {
		given = 1
	}
	require.Equal(t, e.Receipt, all[given])
	require.Equal(t, []vault.PathKind{vault.PathSheetRelay, vault.PathAnswersRelay}, all[given].Kinds)
	require.Equal(t, []vault.PathKind{vault.PathSheetRelay}, all[1-given].Kinds)
	var text map[string]any
	require.NoError(t, json.Unmarshal(e.Receipt.Text, &text))
	require.Equal(t, recovery.ReceiptSchema, text["schema_version"])
	require.Equal(t, "ways-1", text["privacy_notice"].(map[string]any)["version"])
	for _, secret := range []string{"animal", "moulin", strings.ReplaceAll(e.Sheet.Code, " ", ""), e.Sheet.Code, s.amina.Login, "Amina"} {
		require.NotContains(t, string(e.Receipt.Text), secret)
	}
}

func TestAWithdrawnSheetOpensNothing(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	noWayBack := func() bool {
		o, err := s.v.Overview(t.Context())
		require.NoError(t, err)
		return o.NoWayBack
	}
	require.False(t, noWayBack(), "nobody could help")
	s.follow(t)
	require.True(t, noWayBack())
	e := s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}})
	require.False(t, noWayBack(), "there is one")
	kinds := []vault.PathKind{vault.PathSheetRelay}
	require.ErrorIs(t, s.Withdraw(t.Context(), s.v, kinds, vault.Secret{Password: "not hers at all"}), vault.ErrSignIn)
	require.ErrorIs(t, s.Withdraw(t.Context(), s.v, nil, s.secret()), vault.ErrInvalid)
	require.ErrorIs(t, s.Withdraw(t.Context(), s.v, []vault.PathKind{vault.PathHelpers}, s.secret()), vault.ErrNotFound)
	require.NoError(t, s.Withdraw(t.Context(), s.v, kinds, s.secret()))
	require.Empty(t, s.review(t).Paths)
	require.True(t, noWayBack())
	_, err := s.Open(t.Context(), s.samir.At(t, s.centre), recovery.NewRequest{Vault: s.v.ID(), Path: e.Paths[0].ID, Recognised: "known"})
	require.Error(t, err)
	require.ErrorIs(t, s.Withdraw(t.Context(), s.v, kinds, s.secret()), vault.ErrNotFound)
}

func TestWhatCannotBeEnrolledIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	sheet, helpers := &recovery.NewSheet{}, &recovery.NewHelpers{}
	answers := &recovery.NewAnswers{Questions: threeQuestions()}
	byCall := &recovery.NewAnswers{Questions: threeQuestions(), ByCall: true}
	refused := func(reason error, service *recovery.Service, e recovery.Enrolment) {
		t.Helper()
		got, err := service.Enrol(t.Context(), s.v, asks(e), s.secret())
		require.ErrorIs(t, err, reason)
		require.Nil(t, got.Sheet)
		require.Empty(t, s.review(t).Paths)
	}
	dependent := s.with(t, func(c *recovery.Config) { c.Independent = false })
	few := s.with(t, func(c *recovery.Config) { c.Offer = []vault.PathKind{vault.PathSheetRelay} })

	refused(vault.ErrNoHelper, s.Service, recovery.Enrolment{Sheet: sheet})
	require.Equal(t, []vault.PathKind{vault.PathSheetDesk, vault.PathAnswersDesk}, s.review(t).Offered)
	s.follow(t)
	refused(vault.ErrNoHelper, s.Service, recovery.Enrolment{Answers: byCall})
	refused(vault.ErrNoHelper, s.Service, recovery.Enrolment{Helpers: helpers})
	refused(recovery.ErrNotIndependent, dependent, recovery.Enrolment{Answers: byCall, Desk: s.line.ID})
	refused(recovery.ErrNotOffered, few, recovery.Enrolment{Answers: answers})
	refused(recovery.ErrNotOffered, few, recovery.Enrolment{Sheet: sheet, Helpers: helpers, Desk: s.line.ID})
	refused(consent.ErrNotNamed, s.Service, recovery.Enrolment{Sheet: sheet, Desk: consent.RelayID{1}})
	refused(vault.ErrInvalid, s.Service, recovery.Enrolment{})
	refused(vault.ErrInvalid, s.Service, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: threeQuestions()[:2]}})
	refused(vault.ErrInvalid, s.Service, recovery.Enrolment{Answers: &recovery.NewAnswers{Pictures: []string{"sun", "fish", "key", "boat", "dragon"}}})
	refused(recovery.ErrWeak, s.Service, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: []recovery.Question{{Text: "A?", Answer: "blue"}, {Text: "B?", Answer: "Bleu"}, {Text: "C?", Answer: "Paris"}}}})

	r, err := dependent.Review(t.Context(), s.v)
	require.NoError(t, err)
	require.Equal(t, []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk, vault.PathAnswersRelay, vault.PathHelpers}, r.Offered)
	require.Equal(t, []consent.RelayID{s.line.ID}, r.Desks)

	_, err = s.Enrol(t.Context(), s.v, asks(recovery.Enrolment{Sheet: sheet}), vault.Secret{Password: "not hers at all"})
	require.ErrorIs(t, err, vault.ErrSignIn)
	unread := asks(recovery.Enrolment{Sheet: sheet})
	unread.Agreed, unread.Notice.Text = false, ""
	_, err = s.Enrol(t.Context(), s.v, unread, s.secret())
	require.ErrorContains(t, err, "agreed")
	require.ErrorContains(t, err, "notice")
}

// F13: a desk of the organisation of every relay that follows is nobody's second.
func TestOneOrganisationAloneHelpsNobodyWithNothing(t *testing.T) {
	t.Parallel()
	s := newPrepared(t, nil)
	s.line.Relay.Organisation = s.Organisation.ID
	s.Sign(t, consent.Change{Relay: &s.line.Relay})
	s.follow(t)
	_, err := s.Enrol(t.Context(), s.v, asks(recovery.Enrolment{Helpers: &recovery.NewHelpers{}, Desk: s.line.ID}), s.secret())
	require.ErrorIs(t, err, vault.ErrOneOrganisation)
	given, err := s.v.Grants(t.Context())
	require.NoError(t, err)
	require.Len(t, given, 1, "and the desk was not let in for it")
	require.NotContains(t, s.review(t).Offered, vault.PathHelpers)
	require.Equal(t, []string{"sheet-relay", "sheet-desk"}, made(s.enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}, Desk: s.line.ID})))
}
