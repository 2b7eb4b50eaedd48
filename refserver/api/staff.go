package api

import (
	"context"
	"errors"
	"net/http"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

type staffSignInInput struct {
	sender
	Body struct {
		Login    string `json:"login" minLength:"1" maxLength:"100" doc:"Of the worker's own account."`
		Password string `json:"password" minLength:"1" maxLength:"1000" doc:"Typed by the worker."`
		Code     string `json:"code,omitempty" maxLength:"20" doc:"Of the authenticator app; missing only before one is set up."`
		Device   string `json:"device,omitempty" maxLength:"100" doc:"What the list of sessions shall call this device."`
	}
}

func (a *API) staffSignIn(ctx context.Context, in *staffSignInInput) (*signInOutput, error) {
	// Counted before anything is evaluated, apart from people's sign-ins (F9).
	if err := a.limits.StaffSignIn(in.request); err != nil {
		return nil, err
	}
	w, err := a.staff.SignIn(ctx, vault.Password{
		Login: in.Body.Login, Secret: in.Body.Password, Code: in.Body.Code,
		Session: &vault.SessionRequest{Device: in.Body.Device},
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	out := &signInOutput{}
	out.Body.Token, out.Body.ID = w.Own().Token(), w.ID().String()
	return out, nil
}

type meOutput struct {
	Body struct {
		ID           string `json:"id" doc:"Names the worker's own account."`
		Name         string `json:"name,omitempty" doc:"By which people are told who opened their space; missing until it is set."`
		Fingerprint  string `json:"fingerprint" doc:"24 digits of the worker's key, to be read aloud to the manager who lets them in."`
		SecondFactor bool   `json:"secondFactor" doc:"Whether signing in takes a code."`
	}
}

func me(ctx context.Context, w *consent.Worker, _ *struct{}) (*meOutput, error) {
	digits, err := w.Fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	out := &meOutput{}
	out.Body.ID, out.Body.Name, out.Body.Fingerprint = w.ID().String(), w.Name(), digits
	out.Body.SecondFactor, err = w.Own().HasSecondFactor(ctx)
	return out, err
}

type introduceInput struct {
	Body struct {
		Name        string `json:"name" minLength:"1" maxLength:"200" doc:"By which people are told who opened their space."`
		LastManager bool   `json:"lastManager,omitempty" doc:"true: the caller knows that a relay has no other manager, and that only its recovery sheet lets them in again."`
	}
}

func introduce(ctx context.Context, w *consent.Worker, in *introduceInput) (*struct{}, error) {
	if in.Body.Name != w.Name() && !in.Body.LastManager {
		if err := keepsManager(ctx, w); err != nil {
			return nil, err
		}
	}
	return nil, w.Introduce(ctx, in.Body.Name)
}

// keepsManager refuses what would leave a relay without anybody who manages it, before
// it happens. worker is nil for a person.
func keepsManager(ctx context.Context, w *consent.Worker) error {
	if w == nil {
		return nil
	}
	alone, err := w.OnlyManagerOf(ctx)
	if err == nil && len(alone) > 0 {
		err = consent.ErrLastManager
	}
	return err
}

type enrolFactorInput struct {
	Body struct {
		Secret Secret `json:"secret" doc:"The worker's password, once more."`
	}
}

type enrolFactorOutput struct {
	Body struct {
		URI    string `json:"uri" doc:"An otpauth address, for a QR code that the app reads. Shown once."`
		Secret string `json:"secret" doc:"The same, for typing."`
	}
}

func enrolFactor(ctx context.Context, w *consent.Worker, in *enrolFactorInput) (*enrolFactorOutput, error) {
	f, err := w.Own().EnrolSecondFactor(ctx, in.Body.Secret.vault())
	if _, err := done(err); err != nil {
		return nil, err
	}
	out := &enrolFactorOutput{}
	out.Body.URI, out.Body.Secret = f.URI, f.Secret
	return out, nil
}

type confirmFactorInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"20" doc:"That the app shows now. It is spent."`
	}
}

func confirmFactor(ctx context.Context, w *consent.Worker, in *confirmFactorInput) (*confirmedOutput, error) {
	return confirmed(w.Own().ConfirmSecondFactor(ctx, in.Body.Code))
}

// Membership is a relay for which the caller works.
type Membership struct {
	Relay     Relay    `json:"relay" doc:"Only its id until the authority has signed it."`
	Roles     []string `json:"roles" nullable:"false" doc:"help: opens what people share. manage: lets workers in and takes them out, and opens nothing of people."`
	Founded   bool     `json:"founded,omitempty" doc:"true: the caller founded it, and the authority has not signed it yet."`
	Withdrawn bool     `json:"withdrawn,omitempty" doc:"true: it is not in the directory any more."`
}

// rolesJSON and rolesOf put roles into words and back.
func rolesJSON(r consent.Role) []string {
	out := []string{}
	if r.Has(consent.RoleHelp) {
		out = append(out, "help")
	}
	if r.Has(consent.RoleManage) {
		out = append(out, "manage")
	}
	return out
}

func rolesOf(words []string) (r consent.Role) {
	for _, word := range words { // the schema lets no other word pass
		if word == "manage" {
			r |= consent.RoleManage
		} else {
			r |= consent.RoleHelp
		}
	}
	return r
}

type membershipsOutput struct {
	Body struct {
		Relays  []Membership `json:"relays" nullable:"false" doc:"As the caller's own account says; the relay itself has the last word."`
		Altered bool         `json:"altered" doc:"true: something of the list was altered in the store, and is left out."`
	}
}

func (a *API) listMemberships(ctx context.Context, w *consent.Worker, _ *struct{}) (*membershipsOutput, error) {
	all, err := w.Relays(ctx)
	altered := errors.Is(err, vault.ErrTampered)
	if err != nil && !altered {
		return nil, err
	}
	out := &membershipsOutput{}
	out.Body.Altered, out.Body.Relays = altered, make([]Membership, 0, len(all))
	for _, m := range all {
		organisation := ""
		if !m.Founded {
			o, err := a.relays.Organisation(ctx, m.Relay.Organisation)
			if err != nil {
				return nil, err
			}
			organisation = o.Name
		}
		out.Body.Relays = append(out.Body.Relays, Membership{
			Relay: relayJSON(m.Relay, organisation), Roles: rolesJSON(m.Roles), Founded: m.Founded, Withdrawn: m.Withdrawn,
		})
	}
	return out, nil
}

func (a *API) addStaff() {
	registerOpen(a, operation{
		method: http.MethodPost, path: "/staff/sessions", id: "staff-sign-in", tag: "Staff", status: http.StatusCreated,
		summary:     "Sign in as a worker",
		description: "Returns a bearer token. That a code is missing is told only to who knows the password; nothing tells whether an account exists. Sessions are listed and ended, and the password changed, where people do.",
		problems:    []string{"sign-in", "second-factor", "busy", "witness-away", "key-service", "unconfirmed", "invalid", "media-type", "too-large"},
	}, a.staffSignIn)
	registerWorker(a, operation{
		method: http.MethodGet, path: "/staff/me", id: "staff-me", tag: "Staff", summary: "The caller's own account",
		description: "With the digits by which a manager knows them.",
	}, me)
	registerWorker(a, operation{
		method: http.MethodPut, path: "/staff/name", id: "staff-name", tag: "Staff", status: http.StatusNoContent, summary: "Set the caller's own name",
		description: "A relay has signed the name that it let in: after a change it must let the worker in again. The only manager of a relay is refused unless they say that they know.",
		problems:    []string{"invalid", "media-type", "too-large", "revision", "last-manager", "no-second-factor", "untrusted-key", "witness-away"},
	}, introduce)
	registerWorker(a, operation{
		method: http.MethodPost, path: "/staff/second-factor", id: "enrol-second-factor", tag: "Staff", status: http.StatusCreated, summary: "Set up an authenticator app",
		description: "In force only once a code of it was confirmed.",
		problems:    secretProblems(),
	}, enrolFactor)
	registerWorker(a, operation{
		method: http.MethodPost, path: "/staff/second-factor/confirm", id: "confirm-second-factor", tag: "Staff", summary: "Put the authenticator app in force",
		description: "From then on signing in takes a code.",
		problems:    []string{"second-factor", "witness-away", "unconfirmed", "invalid", "media-type", "too-large"},
	}, confirmFactor)
	registerWorker(a, operation{
		method: http.MethodGet, path: "/staff/relays", id: "list-memberships", tag: "Staff", summary: "The relays for which the caller works",
		description: "With the roles there.", problems: []string{"not-named", "untrusted-key", "witness-away"},
	}, a.listMemberships)
}
