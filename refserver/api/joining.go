package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

type enrolInput struct {
	sender
	Body struct {
		Agreement
		Code     string `json:"code" minLength:"1" maxLength:"200" doc:"An invitation. It is looked at, and stays good."`
		Name     string `json:"name" minLength:"1" maxLength:"200" doc:"By which people are told who opened their space."`
		Password string `json:"password" minLength:"1" maxLength:"1000" doc:"Typed by the worker alone."`
		Device   string `json:"device,omitempty" maxLength:"100" doc:"What the list of sessions shall call this device."`
	}
}

type enrolOutput struct {
	Body struct {
		Token string `json:"token" doc:"For the header \"Authorization: Bearer …\". Shown once."`
		ID    string `json:"id" doc:"Names the worker's account."`
		Login string `json:"login" doc:"To be kept by the worker."`
	}
}

func (a *API) enrol(ctx context.Context, in *enrolInput) (*enrolOutput, error) {
	if err := a.limits.StaffSignIn(in.request); err != nil { // nobody tries codes without end
		return nil, err
	}
	w, err := a.staff.Enrol(ctx, in.Body.Code, consent.NewWorker{
		Name: in.Body.Name, Password: in.Body.Password, Notice: in.Body.Notice.vault(), Consent: in.Body.Agreed,
		Channel: channel, Session: &vault.SessionRequest{Device: in.Body.Device},
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	out := &enrolOutput{}
	out.Body.Token, out.Body.ID = w.Own().Token(), w.ID().String()
	out.Body.Login, err = w.Own().Login(ctx)
	return out, err
}

// InvitationCode is a code that somebody was given. It stands in bodies and never in
// addresses, which end in logs.
type InvitationCode struct {
	Code string `json:"code" minLength:"1" maxLength:"200" doc:"As it was given."`
}

type codeInput struct{ Body InvitationCode }

type joinOutput struct {
	Body struct {
		Relay       Relay  `json:"relay" doc:"Which was asked."`
		Fingerprint string `json:"fingerprint" doc:"24 digits, to be read aloud to the manager who lets the caller in."`
	}
}

func join(ctx context.Context, w *consent.Worker, in *codeInput) (*joinOutput, error) {
	relay, err := w.Ask(ctx, in.Body.Code)
	if err != nil {
		return nil, err
	}
	out := &joinOutput{}
	out.Body.Relay = relayJSON(relay, "")
	out.Body.Fingerprint, err = w.Fingerprint(ctx)
	return out, err
}

// AskedRelay is a relay that a worker asked to let them in, and that they do not work for.
type AskedRelay struct {
	Relay   Relay     `json:"relay" doc:"Only its id, where the directory does not name it any more."`
	At      time.Time `json:"at" doc:"When it was asked last."`
	Waiting bool      `json:"waiting" doc:"true: nobody has let the caller in yet. false: they are not in: a manager refused, or they were let in, and are out: taken out, suspended, or gone by themselves."`
}

type askedRelaysOutput struct {
	Body struct {
		Asked []AskedRelay `json:"asked" nullable:"false" doc:"The relay that was asked last before the others."`
		Next
	}
}

func listAsked(ctx context.Context, w *consent.Worker, in *Paged) (*askedRelaysOutput, error) {
	all, err := w.AskedRelays(ctx)
	if err != nil {
		return nil, err
	}
	out := &askedRelaysOutput{}
	all, out.Body.Next = page(*in, all, func(r consent.AskedRelay) string { return newestFirst(r.At, r.Relay.ID.String()) })
	out.Body.Asked = make([]AskedRelay, 0, len(all))
	for _, r := range all {
		out.Body.Asked = append(out.Body.Asked, AskedRelay{Relay: relayJSON(r.Relay, ""), At: r.At, Waiting: r.Waiting})
	}
	return out, nil
}

func takeBackAsk(ctx context.Context, w *consent.Worker, in *AtRelay) (*struct{}, error) {
	id, err := consent.ParseRelayID(in.Relay)
	if err != nil {
		return nil, vault.ErrNotFound
	}
	return nil, w.TakeBackAsk(ctx, id)
}

// Sheet is the recovery sheet of a relay.
type Sheet struct {
	Login string `json:"login" doc:"To be printed and kept elsewhere. Shown once."`
	Code  string `json:"code" doc:"With it a manager is let in when everybody's passwords are lost."`
}

func sheetJSON(s consent.Sheet) *Sheet { return &Sheet{Login: s.Login, Code: s.Code} }

type foundOutput struct {
	Body struct {
		Relay       string `json:"relay" doc:"Id, for the authority."`
		Key         string `json:"key,omitempty" doc:"For the authority."`
		Fingerprint string `json:"fingerprint,omitempty" doc:"Of the key, to be compared with the authority on another way."`
		Sheet       *Sheet `json:"sheet" doc:"The relay's recovery sheet."`
	}
}

func foundRelay(ctx context.Context, w *consent.Worker, in *codeInput) (*foundOutput, error) {
	f, err := w.FoundRelay(ctx, in.Body.Code)
	if err != nil {
		return nil, err
	}
	out := &foundOutput{}
	out.Body.Relay, out.Body.Key, out.Body.Fingerprint = f.Relay.String(), f.Key.String(), consent.Fingerprint(f.Key)
	out.Body.Sheet = sheetJSON(f.Sheet)
	return out, nil
}

type recoverRelayInput struct {
	sender
	Body struct {
		Login string `json:"login" minLength:"1" maxLength:"100" doc:"As printed on the sheet."`
		Code  string `json:"code" minLength:"1" maxLength:"200" doc:"As printed on the sheet."`
	}
}

type recoverRelayOutput struct {
	Body struct {
		Relay     string `json:"relay" doc:"That the caller now manages."`
		Sheet     *Sheet `json:"sheet" doc:"The new one; the one that was typed is used up."`
		Confirmed bool   `json:"confirmed" doc:"false: it is done, but the witness could not confirm it yet."`
	}
}

func (a *API) recoverRelay(ctx context.Context, w *consent.Worker, in *recoverRelayInput) (*recoverRelayOutput, error) {
	if err := a.limits.StaffSignIn(in.request); err != nil { // before anything is evaluated (F9)
		return nil, err
	}
	relay, sheet, err := w.RecoverRelay(ctx, consent.Sheet{Login: in.Body.Login, Code: in.Body.Code})
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &recoverRelayOutput{}
	out.Body.Relay, out.Body.Sheet, out.Body.Confirmed = relay.String(), sheetJSON(sheet), confirmed
	return out, nil
}

func leaveRelay(ctx context.Context, p *consent.Post, _ *AtRelay) (*confirmedOutput, error) {
	if err := p.Worker().Own().ShownLately(ctx, session.Lately); err != nil {
		return nil, err
	}
	return confirmed(p.Leave(ctx))
}

func (a *API) addJoining() {
	body := []string{"invitation", "invalid", "media-type", "too-large", "witness-away", "key-service"}
	registerOpen(a, operation{
		method: http.MethodPost, path: "/staff/accounts", id: "enrol-worker", tag: "Staff", status: http.StatusCreated, summary: "Make a worker's own account",
		description: "With an invitation. It lets into nothing: a relay does, once a second factor is set up and the worker has asked to join.",
		problems:    append([]string{"busy", "cross-origin"}, body...),
	}, a.enrol)
	registerWorker(a, operation{
		method: http.MethodPost, path: "/staff/join", id: "ask-to-join", tag: "Staff", status: http.StatusCreated, summary: "Ask a relay to let the caller in",
		description: "Uses the invitation up. A manager compares the digits and lets the caller in.",
		problems:    append([]string{"no-second-factor", "not-named", "untrusted-key"}, body...),
	}, join)
	registerWorker(a, operation{
		method: http.MethodGet, path: "/staff/join", id: "list-asked", tag: "Staff", summary: "Which relays the caller has asked, and how it stands",
		description: "Those that they do not work for: nobody has let them in yet, or they are out. A relay that they founded is not among them.", problems: []string{"invalid"},
	}, listAsked)
	registerWorker(a, operation{
		method: http.MethodDelete, path: "/staff/join/{relay}", id: "take-back-ask", tag: "Staff", status: http.StatusNoContent, summary: "Do not ask a relay any more",
		description: "And forget that it was asked. Of a relay that the caller is out of there is nothing else to end.", problems: []string{"not-found"},
	}, takeBackAsk)
	registerWorker(a, operation{
		method: http.MethodPost, path: "/staff/relays", id: "found-relay", tag: "Staff", status: http.StatusCreated, summary: "Found a relay",
		description: "With an invitation of the operator. It is a relay once the authority has signed its key. After an error call it again with the same code.",
		problems:    append([]string{"no-second-factor", "busy"}, body...),
	}, foundRelay)
	registerWorker(a, operation{
		method: http.MethodPost, path: "/staff/recover", id: "recover-relay", tag: "Staff", summary: "Come in with a relay's recovery sheet",
		description: "When nobody has a password any more. The journal of the relay says so.",
		problems:    append([]string{"sign-in", "busy", "not-named", "no-second-factor", "unconfirmed", "untrusted-key"}, body...),
	}, a.recoverRelay)
	registerPost(a, operation{
		method: http.MethodPost, path: "/staff/relays/{relay}/leave", id: "leave-relay", tag: "Staff", summary: "Leave a relay",
		description: "At once. A manager who looks at the relay next gives it new keys." + lateSecret, problems: []string{"last-manager", "unconfirmed", "secret-again"},
	}, leaveRelay)
}
