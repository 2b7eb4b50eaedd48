package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/recovery"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// On the hand-over the person goes on alone, on any device, with no account open: the
// number and the code are all that is known of who calls. They get a token that is
// good for the hand-over alone.

// HandOver is a request in the hands of its person.
type HandOver struct {
	Kind      string    `json:"kind" doc:"What is asked for: a sheet (sheet-relay, sheet-desk), answers (answers-relay, answers-desk), or nothing (helpers)."`
	Questions []string  `json:"questions,omitempty" nullable:"false" doc:"What is asked, by answers, in this order."`
	Pictures  int       `json:"pictures,omitempty" doc:"How many pictures are asked for, by a sequence of them."`
	Private   bool      `json:"private" doc:"Whether private papers come back, too."`
	Later     bool      `json:"later,omitempty" doc:"true: private papers come back after a longer wait."`
	Until     time.Time `json:"until" doc:"Until when the request can be completed."`
}

func handOverJSON(h *recovery.HandOver) HandOver {
	return HandOver{Kind: h.Kind.String(), Questions: h.Questions, Pictures: h.Pictures, Private: h.Private, Later: h.Later, Until: h.Until}
}

type enterInput struct {
	Body struct {
		Number string `json:"number" minLength:"1" maxLength:"50" doc:"Of the request. Digits of any script; spaces and dashes do not matter."`
		Code   string `json:"code" minLength:"1" maxLength:"50" doc:"As the person was given it."`
		Desk   string `json:"desk,omitempty" maxLength:"50" doc:"The desk's part of the code, where two have one each."`
	}
}

type enterOutput struct {
	Body struct {
		HandOver
		Token string `json:"token" doc:"For the header \"Authorization: Bearer …\" of the hand-over alone, for an hour."`
	}
}

func (a *API) enterHandOver(ctx context.Context, in *enterInput) (*enterOutput, error) {
	h, err := a.recovery.Enter(ctx, recovery.HandOverCode{Number: in.Body.Number, Code: in.Body.Code, Desk: in.Body.Desk})
	if err != nil {
		return nil, err
	}
	out := &enterOutput{}
	out.Body.HandOver, out.Body.Token = handOverJSON(h), h.Token()
	return out, nil
}

type handOverOutput struct{ Body HandOver }

func readHandOver(_ context.Context, h *recovery.HandOver, _ *struct{}) (*handOverOutput, error) {
	return &handOverOutput{Body: handOverJSON(h)}, nil
}

type completeInput struct {
	Body struct {
		Sheet    string   `json:"sheet,omitempty" maxLength:"500" doc:"The code of the recovery sheet, as typed, said or scanned."`
		Answers  []string `json:"answers,omitempty" nullable:"false" maxItems:"50" doc:"Or the answers, in the order of the questions, or the names of the pictures."`
		Password string   `json:"password" minLength:"1" maxLength:"1000" doc:"The new one, typed by the person alone."`
		Device   string   `json:"device,omitempty" maxLength:"100" doc:"What the list of sessions shall call this device."`
	}
}

type completeOutput struct {
	Body struct {
		Token     string `json:"token" doc:"Of the person's session, as of POST /sessions."`
		ID        string `json:"id" doc:"Names the space."`
		Login     string `json:"login" doc:"To be shown to the person: with the new password it signs in."`
		Private   bool   `json:"private" doc:"Whether private papers are back."`
		Locked    int    `json:"locked" minimum:"0" doc:"So many things that were private are locked, and not lost: see POST /locked."`
		Confirmed bool   `json:"confirmed" doc:"false: it is done and in force, but the witness could not confirm it yet; the next sign-in will."`
	}
}

func completeHandOver(ctx context.Context, h *recovery.HandOver, in *completeInput) (*completeOutput, error) {
	c, err := h.Complete(ctx, recovery.Completion{
		Sheet: in.Body.Sheet, Answers: in.Body.Answers, Password: in.Body.Password, Session: &vault.SessionRequest{Device: in.Body.Device},
	})
	if errors.Is(err, vault.ErrSignIn) {
		return nil, problem.ErrOwnPart
	}
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	defer c.Vault.Close()
	out := &completeOutput{}
	out.Body.Token, out.Body.ID, out.Body.Login = c.Vault.Token(), c.Vault.ID().String(), c.Login
	out.Body.Private, out.Body.Locked, out.Body.Confirmed = c.Private, c.Locked, confirmed
	return out, nil
}

// alone lets whoever has a number and a code try, and nobody too often. It is counted
// before anything is read or evaluated, by address as a sign-in is; the library counts
// by number (F9).
func (a *API) alone(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		err := a.limits.SignIn(r)
		if err == nil {
			err = a.noWorkerHere(r, session.Token(r))
		}
		return nil, func() {}, err
	})
}

// inHandOver opens the hand-over whose token a request has.
func (a *API) inHandOver(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		if err := a.limits.SignIn(r); err != nil {
			return nil, nil, err
		}
		if cookie, err := r.Cookie(session.CookieName); err == nil {
			if err := a.noWorkerHere(r, cookie.Value); err != nil {
				return nil, nil, err
			}
		}
		if r.Header.Get("Authorization") == "" { // no cookie is a hand-over's here
			return nil, nil, problem.ErrHandOverEnded
		}
		h, err := a.recovery.Resume(r.Context(), session.Token(r))
		if errors.Is(err, recovery.ErrCode) || errors.Is(err, vault.ErrSessionEnded) {
			err = problem.ErrHandOverEnded
		}
		return h, func() {}, err
	})
}

// look asks how far the request is whose token to look a caller has. It opens nothing, so
// that it does not matter who else is at the device.
func (a *API) look(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		if err := a.limits.SignIn(r); err != nil {
			return nil, nil, err
		}
		if r.Header.Get("Authorization") == "" {
			return nil, nil, problem.ErrHandOverEnded
		}
		err := a.recovery.Look(r.Context(), session.Token(r))
		if errors.Is(err, recovery.ErrCode) {
			err = problem.ErrHandOverEnded
		}
		return nil, func() {}, err
	})
}

// noWorkerHere refuses a hand-over beside the open session of a worker: what the person
// types must not come to a device on which the worker could go on as soon as they turn
// away, and their session has to be locked or ended first (F12).
func (a *API) noWorkerHere(r *http.Request, token string) error {
	if token == "" {
		return nil
	}
	w, v, err := a.staff.Open(r.Context(), token)
	switch {
	case errors.Is(err, vault.ErrSessionEnded), errors.Is(err, vault.ErrLocked):
		return nil
	case err != nil:
		return err
	case w != nil:
		w.Close()
		return problem.ErrWorkerHere
	}
	v.Close() // the person's own, or another's: it gets nothing from here
	return nil
}

// registerHandOver adds an operation of the person alone, with the token of a hand-over.
func registerHandOver[I, O any](a *API, o operation, handle func(context.Context, *recovery.HandOver, *I) (*O, error)) {
	o.open, o.scheme = true, "handOver"
	o.problems = append(slices.Clone(o.problems), "hand-over-ended")
	a.add(o, a.inHandOver, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*recovery.HandOver), in)
	}))
}

func (a *API) addHandOver() {
	problems := func(more ...string) []string {
		return append([]string{"worker-here", "recovery-over", "not-ready", "tries-spent", "witness-away", "key-service", "busy"}, more...)
	}
	a.add(operation{
		method: http.MethodPost, path: "/hand-over", id: "enter-hand-over", tag: "Hand-over", status: http.StatusCreated, open: true,
		summary:     "Go on alone, with number and code",
		description: "That a helper gave to the person. Each try is counted before it is looked at, and no answer and no delay tells a wrong number from a wrong code. Beside the open session of a worker it is refused: lock or end that first.",
		problems:    problems("hand-over-code", "invalid", "media-type", "too-large"),
	}, a.alone, handles(a.enterHandOver))
	a.add(operation{
		method: http.MethodGet, path: "/hand-over/look", id: "look-at-hand-over", tag: "Hand-over", status: http.StatusNoContent, open: true, scheme: "handOver",
		summary:     "Whether it is time",
		description: "With the token of the problem \"not-ready\", until the end of the request. It costs no try, and opens nothing: as long as something is missing the answer is that problem again, and then number and code can be entered.",
		problems:    []string{"hand-over-ended", "recovery-over", "not-ready", "witness-away", "key-service"},
	}, a.look, handles(func(context.Context, *struct{}) (*struct{}, error) { return nil, nil }))
	registerHandOver(a, operation{
		method: http.MethodGet, path: "/hand-over", id: "read-hand-over", tag: "Hand-over", summary: "What is asked of the person",
		description: "Again, also after a change of process.", problems: problems(),
	}, readHandOver)
	registerHandOver(a, operation{
		method: http.MethodPost, path: "/hand-over/complete", id: "complete-hand-over", tag: "Hand-over", status: http.StatusCreated,
		summary:     "Come back in",
		description: "With the person's part and a new password. From then on everything that opened the space before is dead, every session is over, and other requests about this person are. After the lost answer of this, sign in with the login and the new password. Offer a new access card and a new recovery sheet.",
		problems:    problems("own-part", "unconfirmed", "too-many-locked", "revision", "invalid", "media-type", "too-large", "sign-in"),
	}, completeHandOver)
}
