package api

import (
	"context"
	"net/http"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

type reviewOutput struct {
	Body struct {
		Paths   []RecoveryPath `json:"paths" nullable:"false" doc:"What there is, in force or to be made anew."`
		Offered []string       `json:"offered" nullable:"false" doc:"The kinds that could be made here, now."`
		Desks   []string       `json:"desks" nullable:"false" doc:"Ids of the desks that could help by call."`
		Lost    bool           `json:"lost" doc:"true: the store altered what is kept of one. Make it anew."`

		Independent bool          `json:"independent" doc:"Whether the witness is of another organisation than the operator. false: questions by call are refused, and operator and relay together could guess answers: say so."`
		Waits       RecoveryWaits `json:"waits" doc:"How long what is made now would wait."`
	}
}

// RecoveryWaits are how long ways back in wait before they open, in seconds.
type RecoveryWaits struct {
	AnswersDesk    int64 `json:"answersDesk" doc:"Answers, by call."`
	Helpers        int64 `json:"helpers" doc:"With nothing of the person's."`
	HelpersPrivate int64 `json:"helpersPrivate" doc:"In that way, for what is private."`
}

func (a *API) reviewRecovery(ctx context.Context, v *vault.Vault, _ *struct{}) (*reviewOutput, error) {
	r, err := a.recovery.Review(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &reviewOutput{}
	waits := a.recovery.Waits()
	out.Body.Waits = RecoveryWaits{AnswersDesk: seconds(waits.AnswersDesk), Helpers: seconds(waits.Helpers), HelpersPrivate: seconds(waits.HelpersPrivate)}
	out.Body.Independent, out.Body.Lost, out.Body.Offered = a.recovery.Independent(), r.Lost, kindWords(r.Offered)
	out.Body.Paths, out.Body.Desks = make([]RecoveryPath, 0, len(r.Paths)), make([]string, 0, len(r.Desks))
	for _, p := range r.Paths {
		out.Body.Paths = append(out.Body.Paths, recoveryPathJSON(p))
	}
	for _, d := range r.Desks {
		out.Body.Desks = append(out.Body.Desks, d.String())
	}
	return out, nil
}

// RecoveryAnswers are what the person is asked instead of a sheet.
type RecoveryAnswers struct {
	Questions []RecoveryQuestion `json:"questions,omitempty" nullable:"false" maxItems:"5" doc:"Three to five, each with its answer; or pictures."`
	Pictures  []string           `json:"pictures,omitempty" nullable:"false" maxItems:"50" doc:"Or a sequence of pictures, by their names."`
}

// RecoveryQuestion is a question with its answer.
type RecoveryQuestion struct {
	Text   string `json:"text" minLength:"1" maxLength:"500" doc:"In the person's words, or a suggested one."`
	Answer string `json:"answer" minLength:"1" maxLength:"500" doc:"Typed by the person alone. Capitals, accents, spaces and spellings do not matter."`
}

func (n *RecoveryAnswers) recovery() recovery.NewAnswers {
	out := recovery.NewAnswers{Pictures: n.Pictures}
	for _, q := range n.Questions {
		out.Questions = append(out.Questions, recovery.Question{Text: q.Text, Answer: q.Answer})
	}
	return out
}

// NewRecoverySheet asks for a recovery sheet.
type NewRecoverySheet struct {
	Private  bool   `json:"private" doc:"Whether it opens what is private, too. Propose it."`
	Language string `json:"language,omitempty" maxLength:"35" doc:"In which the code is wanted in words, too (fr, en)."`
}

// NewRecoveryAnswers asks for questions.
type NewRecoveryAnswers struct {
	RecoveryAnswers
	Private bool `json:"private" doc:"Whether they open what is private, too: a yes of its own."`
	ByCall  bool `json:"byCall,omitempty" doc:"true: by phone, too, after a wait."`
}

// NewRecoveryHelpers asks for the way with nothing of the person's.
type NewRecoveryHelpers struct {
	Private bool `json:"private" doc:"Whether what is private comes back, too, after a longer wait: a second yes."`
}

type enrolPathsInput struct {
	Body struct {
		Agreement
		Sheet   *NewRecoverySheet   `json:"sheet,omitempty" doc:"A recovery sheet, with a relay that follows and, where there is a desk, by phone."`
		Answers *NewRecoveryAnswers `json:"answers,omitempty" doc:"Questions, with a relay that follows."`
		Helpers *NewRecoveryHelpers `json:"helpers,omitempty" doc:"Nothing of the person's: two people of a relay and two of a desk of another organisation, and a wait."`
		Desk    string              `json:"desk,omitempty" maxLength:"100" doc:"Id of the desk that may help by phone; missing: the one that may already, if any."`
		Secret  Secret              `json:"secret" doc:"Shown once more: an open session alone makes no way in."`
	}
}

func (in *enrolPathsInput) enrolment() (recovery.Enrolment, error) {
	e := recovery.Enrolment{Notice: in.Body.Notice.vault(), Agreed: in.Body.Agreed}
	if s := in.Body.Sheet; s != nil {
		e.Sheet = &recovery.NewSheet{Private: s.Private}
	}
	if n := in.Body.Answers; n != nil {
		answers := n.recovery()
		answers.Private, answers.ByCall = n.Private, n.ByCall
		e.Answers = &answers
	}
	if h := in.Body.Helpers; h != nil {
		e.Helpers = &recovery.NewHelpers{Private: h.Private}
	}
	if in.Body.Desk == "" {
		return e, nil
	}
	var err error
	if e.Desk, err = consent.ParseRelayID(in.Body.Desk); err != nil {
		err = consent.ErrNotNamed
	}
	return e, err
}

type enrolledOutput struct {
	Body struct {
		Sheet     *RecoverySheet `json:"sheet,omitempty" doc:"To be printed now: nobody can show it again."`
		Made      []string       `json:"made" nullable:"false" doc:"The kinds that were made. What was there of such a kind is dead."`
		Strength  *Strength      `json:"strength,omitempty" doc:"Of the answers."`
		Receipt   *PathReceipt   `json:"receipt" doc:"For the person to keep."`
		Confirmed bool           `json:"confirmed" doc:"false: it is in force, but the witness, or somebody who helps, will hear of it only at the next sign-in."`
	}
}

func (a *API) enrolPaths(ctx context.Context, v *vault.Vault, in *enrolPathsInput) (*enrolledOutput, error) {
	wanted, err := in.enrolment()
	if err != nil {
		return nil, err
	}
	made, err := a.recovery.Enrol(ctx, v, wanted, in.Body.Secret.vault())
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &enrolledOutput{}
	out.Body.Made, out.Body.Confirmed = make([]string, 0, len(made.Paths)), confirmed
	for _, p := range made.Paths {
		out.Body.Made = append(out.Body.Made, p.Kind.String())
	}
	if in.Body.Sheet != nil {
		out.Body.Sheet = recoverySheetJSON(made.Sheet, in.Body.Sheet.Language)
	}
	out.Body.Strength, out.Body.Receipt = strengthJSON(made.Strength), &PathReceipt{made.Receipt.Text}
	return out, nil
}

type withdrawPathsInput struct {
	Body struct {
		Kinds  []string `json:"kinds" nullable:"false" minItems:"1" enum:"sheet-relay,sheet-desk,answers-relay,answers-desk,helpers" doc:"Which ways back in shall go."`
		Secret Secret   `json:"secret" doc:"Shown once more: an open session alone takes no way in away."`
	}
}

func (a *API) withdrawPaths(ctx context.Context, v *vault.Vault, in *withdrawPathsInput) (*confirmedOutput, error) {
	kinds := make([]vault.PathKind, 0, len(in.Body.Kinds))
	for _, word := range in.Body.Kinds { // the schema lets no other word pass
		if kind := vault.ParsePathKind(word); !slices.Contains(kinds, kind) { // no uniqueItems: huma's check of it panics for items that are lists
			kinds = append(kinds, kind)
		}
	}
	return confirmed(a.recovery.Withdraw(ctx, v, kinds, in.Body.Secret.vault()))
}

func confirmPath(ctx context.Context, v *vault.Vault, in *struct {
	Path string `path:"path" doc:"From the review."`
}) (*struct{}, error) {
	id, err := pathID(in.Path)
	if err != nil {
		return nil, err
	}
	return nil, v.ConfirmPath(ctx, id)
}

type strengthInput struct{ Body RecoveryAnswers }

type strengthOutput struct{ Body Strength }

func answersStrength(_ context.Context, _ *vault.Vault, in *strengthInput) (*strengthOutput, error) {
	s := recovery.AnswersStrength(in.Body.recovery())
	return &strengthOutput{Body: Strength{Bits: s.Bits, Enough: s.Enough}}, nil
}

// RecoveryPicture is one of those of which a sequence may serve as an answer.
type RecoveryPicture struct {
	Name  string `json:"name" doc:"Stable: it is what a sequence is made of."`
	Glyph string `json:"glyph" doc:"What is shown, in Unicode."`
}

type suggestionsOutput struct {
	Body struct {
		Questions []string          `json:"questions" nullable:"false" doc:"In plain words. Their answers stand in no papers."`
		Pictures  []RecoveryPicture `json:"pictures" nullable:"false" doc:"All of them."`
	}
}

func suggestions(_ context.Context, _ *vault.Vault, in *struct {
	Language string `query:"language" maxLength:"35" default:"fr" doc:"Of the questions (fr, en, ar)."`
}) (*suggestionsOutput, error) {
	out := &suggestionsOutput{}
	out.Body.Questions = append([]string{}, recovery.SuggestedQuestions(in.Language)...)
	out.Body.Pictures = []RecoveryPicture{}
	for _, p := range recovery.Pictures() {
		out.Body.Pictures = append(out.Body.Pictures, RecoveryPicture{Name: p.Name, Glyph: p.Glyph})
	}
	return out, nil
}

type pathReceiptsOutput struct {
	Body struct {
		Receipts []*PathReceipt `json:"receipts" nullable:"false" doc:"Of every change of the ways back in, in an order that stays."`
		Next
	}
}

func listPathReceipts(ctx context.Context, v *vault.Vault, in *Paged) (*pathReceiptsOutput, error) {
	all, err := v.PathReceipts(ctx)
	if err != nil {
		return nil, err
	}
	out := &pathReceiptsOutput{}
	all, out.Body.Next = page(*in, all, digestKey)
	out.Body.Receipts = make([]*PathReceipt, 0, len(all))
	for _, text := range all {
		out.Body.Receipts = append(out.Body.Receipts, &PathReceipt{text})
	}
	return out, nil
}

func (a *API) addRecovery() {
	change := secretProblems("not-independent", "not-offered", "no-helper", "one-organisation", "weak", "not-named", "untrusted-key", "too-many", "closing", "followed")
	registerPerson(a, operation{
		method: http.MethodGet, path: "/recovery", id: "review-recovery", tag: "Recovery", summary: "The ways back in",
		description: "What would happen if the person lost their card and forgot their password: which ways back in there are, what each opens, who helps, and how long it takes.",
		problems:    []string{"witness-away", "untrusted-key", "not-named"},
	}, a.reviewRecovery)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/recovery", id: "make-recovery", tag: "Recovery", status: http.StatusCreated, summary: "Make ways back in",
		description: "What is not named stays as it is. Each takes the place of the one of its kind, which is dead at once. Print the sheet now, without a name, and keep it elsewhere than the card. A way back in that nobody made does not exist.",
		problems:    change,
	}, a.enrolPaths)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/recovery/withdraw", id: "withdraw-recovery", tag: "Recovery", summary: "Take ways back in away",
		description: "At once: a lost sheet opens nothing from then on.", problems: append([]string{"not-found"}, change...),
	}, a.withdrawPaths)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/recovery/paths/{path}/confirm", id: "confirm-recovery", tag: "Recovery", status: http.StatusNoContent, summary: "Say that it was printed",
		description: "The sheet was printed, or the answers were tried, and the person has them.", problems: []string{"not-found", "closing"},
	}, confirmPath)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/recovery/strength", id: "answers-strength", tag: "Recovery", summary: "How hard answers are to guess",
		description: "Before they are enrolled. Nothing of them is kept.", problems: []string{"invalid", "media-type", "too-large"},
	}, answersStrength)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/recovery/suggestions", id: "recovery-suggestions", tag: "Recovery", summary: "Questions and pictures to choose from",
		description: "Nobody has to take one: own questions are as good.", problems: []string{"invalid"},
	}, suggestions)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/recovery/receipts", id: "list-recovery-receipts", tag: "Recovery", summary: "List the receipts of the ways back in",
		description: "As they were made.",
	}, listPathReceipts)
}
