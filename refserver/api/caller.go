package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"reconnect.example/consent"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// Who calls is found out by one of four gates, before anything of the request is
// read, so that a stranger cannot make the server parse:
//
//	inSpace   what a space holds: the person's own, or the one that a worker has open
//	asSelf    the caller's own account, a person's or a worker's: sessions, password
//	asPerson  what only a person does: who may see, the card, leaving
//	asWorker  what only workers do, and atRelay as one at the relay of the address
//
// Beside them, alone and inHandOver are of who has no session (handover.go).

// callerKey is under what a gate keeps what it opened.
type callerKey struct{}

// through opens what an operation needs, and closes it when it has ended.
func (a *API) through(ctx huma.Context, next func(huma.Context), open func(*http.Request) (any, func(), error)) {
	r, w := humago.Unwrap(ctx)
	opened, closing, err := open(r)
	if err != nil {
		a.report(r.Context(), ctx.Operation().OperationID, err)
		writeProblem(w, r, err)
		return
	}
	defer closing()
	next(huma.WithValue(ctx, callerKey{}, opened))
}

func (a *API) inSpace(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		who, err := a.space(r)
		if err != nil {
			return nil, nil, err
		}
		return who.Vault, who.Close, nil
	})
}

func (a *API) asSelf(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		w, v, err := a.account(r)
		if err != nil {
			return nil, nil, err
		}
		if w != nil {
			v = w.Own()
		}
		return self{worker: w, own: v}, v.Close, nil
	})
}

// self is the caller's own account.
type self struct {
	worker *consent.Worker // nil: a person
	own    *vault.Vault
}

func (a *API) asPerson(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		w, v, err := a.account(r)
		if err != nil {
			return nil, nil, err
		}
		if w != nil {
			w.Close()
			return nil, nil, vault.ErrNotAllowed
		}
		return v, v.Close, nil
	})
}

func (a *API) asWorker(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		w, err := a.worker(r)
		if err != nil {
			return nil, nil, err
		}
		return w, w.Close, nil
	})
}

func (a *API) atRelay(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		w, err := a.worker(r)
		if err != nil {
			return nil, nil, err
		}
		relay, err := relayID(ctx.Param("relay"))
		if err != nil {
			w.Close()
			return nil, nil, err
		}
		post, err := w.At(r.Context(), relay)
		if err != nil {
			w.Close()
			return nil, nil, err
		}
		return post, func() { post.Close(); w.Close() }, nil
	})
}

// space opens the space that a request is about. The caller closes what is returned.
func (a *API) space(r *http.Request) (*session.Who, error) {
	if err := fromHere(r); err != nil {
		return nil, err
	}
	who, err := session.Identify(r, a.vaults, a.staff)
	if err != nil {
		return nil, err
	}
	err = a.limits.Request(who.Account())
	if err == nil && who.Vault == nil {
		if err = who.Refused; err == nil {
			err = errNothingOpen
		}
	}
	if err != nil {
		who.Close()
		return nil, err
	}
	return who, nil
}

// account opens the caller's own account and nothing else: a worker's, or a person's.
// The caller closes the one that is not nil.
func (a *API) account(r *http.Request) (w *consent.Worker, v *vault.Vault, err error) {
	if err := fromHere(r); err != nil {
		return nil, nil, err
	}
	token := session.Token(r)
	switch {
	case token == "":
		return nil, nil, vault.ErrSessionEnded
	case a.staff == nil:
		v, err = a.vaults.Resume(r.Context(), token)
	default:
		w, v, err = a.staff.Open(r.Context(), token)
	}
	if err != nil {
		return nil, nil, err
	}
	who := &session.Who{Worker: w, Vault: v}
	if err := a.limits.Request(who.Account()); err != nil {
		who.Close()
		return nil, nil, err
	}
	return w, v, nil
}

func (a *API) worker(r *http.Request) (*consent.Worker, error) {
	w, v, err := a.account(r)
	if err != nil {
		return nil, err
	}
	if w == nil {
		v.Close()
		return nil, errStaffOnly
	}
	return w, nil
}

// fromHere refuses what another site sent with the person's cookie.
func fromHere(r *http.Request) error {
	// A cookie travels by itself. CrossOriginProtection lets every GET pass, but
	// here even a GET leaves a line in the journal and an export a file on the
	// device, so a neighbouring site must not cause one in the person's name.
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Header.Get("Authorization") == "" && (site == "cross-site" || site == "same-site") {
		return problem.ErrCrossOrigin
	}
	return nil
}

// sender is embedded in inputs of operations that count the address of who sends them, or
// find the session themselves.
type sender struct{ request *http.Request }

// Resolve keeps the request, as huma calls it before the operation.
func (s *sender) Resolve(ctx huma.Context) []error {
	s.request, _ = humago.Unwrap(ctx)
	return nil
}

// relayID reads the id of a relay. One that nobody could have been given names none.
func relayID(s string) (consent.RelayID, error) {
	id, err := consent.ParseRelayID(s)
	if err != nil {
		return id, consent.ErrNotNamed
	}
	return id, nil
}

// spaceID reads the id of a space in an address.
func spaceID(s string) (vault.ID, error) {
	id, err := vault.ParseID(s)
	if err != nil {
		return id, vault.ErrNotFound
	}
	return id, nil
}

// grantID reads the id of what was allowed.
func grantID(s string) (vault.GrantID, error) {
	id, err := vault.ParseGrantID(s)
	if err != nil {
		return id, vault.ErrNotFound
	}
	return id, nil
}

// registerOwn adds an operation on the caller's own account, whoever they are.
func registerOwn[I, O any](a *API, o operation, handle func(context.Context, *vault.Vault, *I) (*O, error)) {
	registerSelf(a, o, func(ctx context.Context, who self, in *I) (*O, error) { return handle(ctx, who.own, in) })
}

// registerSelf is registerOwn for what is not the same for a worker and a person.
func registerSelf[I, O any](a *API, o operation, handle func(context.Context, self, *I) (*O, error)) {
	a.add(o, a.asSelf, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(self), in)
	}))
}

// registerPerson adds an operation that only a person calls, for their own space.
func registerPerson[I, O any](a *API, o operation, handle func(context.Context, *vault.Vault, *I) (*O, error)) {
	a.add(o, a.asPerson, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*vault.Vault), in)
	}))
}

// registerWorker adds an operation that only workers call.
func registerWorker[I, O any](a *API, o operation, handle func(context.Context, *consent.Worker, *I) (*O, error)) {
	o.problems = append(slices.Clone(o.problems), "staff-only")
	a.add(o, a.asWorker, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*consent.Worker), in)
	}))
}

// AtRelay is the address of a relay.
type AtRelay struct {
	Relay string `path:"relay" doc:"Id of a relay for which the caller works."`
}

// pageAtRelay is which part of a list at a relay is asked for.
type pageAtRelay struct {
	AtRelay
	Paged
}

// registerPost adds an operation that a worker calls at the relay of the address.
func registerPost[I, O any](a *API, o operation, handle func(context.Context, *consent.Post, *I) (*O, error)) {
	o.problems = append(slices.Clone(o.problems), "staff-only", "not-member", "not-named", "no-second-factor", "key-changed", "witness-away")
	a.add(o, a.atRelay, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*consent.Post), in)
	}))
}

// done answers for what is in force even when the witness did not hear of it.
func done(err error) (bool, error) {
	if errors.Is(err, vault.ErrUnconfirmed) {
		return false, nil
	}
	return err == nil, err
}
