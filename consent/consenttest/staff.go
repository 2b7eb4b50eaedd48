package consenttest

import (
	"context"
	"testing"

	"reconnect.example/consent"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Staff is somebody who works for relays, signed in, and what they know by heart.
type Staff struct {
	*consent.Worker
	Login    string
	Password string
	Factor   string // secret of the second factor, as shown; "": none

	clock *vaulttest.Clock
	spent int64
}

// Relay is a relay that the authority has signed, with its first manager.
type Relay struct {
	consent.Relay
	Manager *Staff
	Sheet   consent.Sheet

	stage *Stage
}

// Worker makes the account of somebody who works for no relay yet.
func (s *Stage) Worker(t testing.TB, name string) *Staff {
	t.Helper()
	i, err := s.InviteManager(t.Context())
	if err == nil {
		var w *Staff
		if w, err = s.Enrolled(t.Context(), i.Code, name); err == nil {
			return w
		}
	}
	t.Fatalf("consenttest: a new worker: %v", err)
	return nil
}

// Enrolled makes the account of somebody who was given a code.
func (s *Stage) Enrolled(ctx context.Context, code, name string) (*Staff, error) {
	password, err := vault.SuggestPassword()
	if err != nil {
		return nil, err
	}
	req := vaulttest.CreateRequest(password)
	w, err := s.Service.Enrol(ctx, code, consent.NewWorker{Name: name, Password: password, Notice: req.Notice, Consent: true, Session: req.Session})
	if err != nil {
		return nil, err
	}
	login, err := w.Own().Login(ctx)
	staff := &Staff{Worker: w, Login: login, Password: password, clock: s.Clock}
	if err != nil || !s.secondFactor {
		return staff, err
	}
	f, err := w.Own().EnrolSecondFactor(ctx, vault.Secret{Password: password})
	if err != nil {
		return nil, err
	}
	staff.Factor = f.Secret
	return staff, w.Own().ConfirmSecondFactor(ctx, staff.Code())
}

// Relay founds a relay whose entry the authority signs, and gives it a manager,
// called "Manager of" and its name.
func (s *Stage) Relay(t testing.TB, name string) *Relay {
	t.Helper()
	r, err := s.NewRelay(t.Context(), name)
	if err != nil {
		t.Fatalf("consenttest: a new relay: %v", err)
	}
	return r
}

// NewRelayOf founds a relay of a type, of an organisation.
func (s *Stage) NewRelayOf(ctx context.Context, name string, kind consent.RelayType, of consent.Organisation) (*Relay, error) {
	i, err := s.InviteManager(ctx)
	if err != nil {
		return nil, err
	}
	boss, err := s.Enrolled(ctx, i.Code, "Manager of "+name)
	if err != nil {
		return nil, err
	}
	f, err := boss.FoundRelay(ctx, i.Code)
	if err != nil {
		return nil, err
	}
	entry := s.Entry(f, name)
	entry.Type, entry.Organisation = kind, of.ID
	if err := s.Publish(ctx, consent.Change{Relay: &entry}); err != nil {
		return nil, err
	}
	return &Relay{Relay: entry, Manager: boss, Sheet: f.Sheet, stage: s}, nil
}

// Desk founds a desk of an organisation, with its manager, as [Stage.Relay] does.
func (s *Stage) Desk(t testing.TB, name string, of consent.Organisation) *Relay {
	t.Helper()
	r, err := s.NewRelayOf(t.Context(), name, consent.TypeDesk, of)
	if err != nil {
		t.Fatalf("consenttest: a new desk: %v", err)
	}
	return r
}

// NewRelay is [Stage.Relay] where there is no test, or an error is expected.
func (s *Stage) NewRelay(ctx context.Context, name string) (*Relay, error) {
	return s.NewRelayOf(ctx, name, consent.TypeDayCentre, s.Organisation)
}

// Entry is what the authority signs of a relay that was founded: a day centre of the
// stage's organisation.
func (s *Stage) Entry(f consent.Founded, name string) consent.Relay {
	return consent.Relay{
		ID: f.Relay, Organisation: s.Organisation.ID, Name: name, Type: consent.TypeDayCentre, Place: "Lyon", Country: "FR",
		Key: f.Key, Since: vault.Date(s.Clock.Now().Format("2006-01-02")),
	}
}

// At opens the relay's space as this worker; it is closed with the test.
func (w *Staff) At(t testing.TB, r *Relay) *consent.Post {
	t.Helper()
	p, err := w.Worker.At(t.Context(), r.ID)
	if err != nil {
		t.Fatalf("consenttest: %s at %s: %v", w.Name(), r.Name, err)
	}
	t.Cleanup(p.Close)
	return p
}

// Desk opens the relay's space as its manager.
func (r *Relay) Desk(t testing.TB) *consent.Post {
	t.Helper()
	return r.Manager.At(t, r)
}

// Hire has the manager invite somebody, who makes an account and asks, and lets them
// in.
func (r *Relay) Hire(t testing.TB, name string, roles consent.Role) *Staff {
	t.Helper()
	w, err := r.NewHire(t.Context(), name, roles)
	if err != nil {
		t.Fatalf("consenttest: hire: %v", err)
	}
	return w
}

// NewHire is [Relay.Hire] where there is no test, or an error is expected.
func (r *Relay) NewHire(ctx context.Context, name string, roles consent.Role) (*Staff, error) {
	desk, err := r.Manager.Worker.At(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	defer desk.Close()
	i, err := desk.Invite(ctx, roles, nil)
	if err != nil {
		return nil, err
	}
	w, err := r.stage.Enrolled(ctx, i.Code, name)
	if err != nil {
		return nil, err
	}
	return w, r.join(ctx, desk, w, i.Code, roles)
}

// Join has the manager invite somebody who has an account, who asks, and lets them in.
func (r *Relay) Join(t testing.TB, w *Staff, roles consent.Role) {
	t.Helper()
	desk := r.Desk(t)
	i, err := desk.Invite(t.Context(), roles, nil)
	if err == nil {
		err = r.join(t.Context(), desk, w, i.Code, roles)
	}
	if err != nil {
		t.Fatalf("consenttest: join: %v", err)
	}
}

func (r *Relay) join(ctx context.Context, desk *consent.Post, w *Staff, code string, roles consent.Role) error {
	if _, err := w.Ask(ctx, code); err != nil {
		return err
	}
	digits, err := w.Fingerprint(ctx)
	if err != nil {
		return err
	}
	return desk.Admit(ctx, consent.Admission{Worker: w.ID(), Fingerprint: digits, Roles: roles})
}

// SignIn opens the worker's own space anew, on this or another stage over the same
// data.
func (w *Staff) SignIn(t testing.TB, s *Stage) *Staff {
	t.Helper()
	again, err := s.Service.SignIn(t.Context(), w.Secret())
	if err != nil {
		t.Fatalf("consenttest: sign in: %v", err)
	}
	return &Staff{Worker: again, Login: w.Login, Password: w.Password, Factor: w.Factor, clock: w.clock, spent: w.spent}
}

// Resumed is the same worker in the same session, on another stage over the same data
// or over a copy of it.
func (w *Staff) Resumed(ctx context.Context, s *Stage) (*Staff, error) {
	again, err := s.Service.Resume(ctx, w.Own().Token())
	if err != nil {
		return nil, err
	}
	return &Staff{Worker: again, Login: w.Login, Password: w.Password, Factor: w.Factor, clock: s.Clock, spent: w.spent}, nil
}

// Resumed is the same relay on another stage, with its manager.
func (r *Relay) Resumed(ctx context.Context, s *Stage) (*Relay, error) {
	boss, err := r.Manager.Resumed(ctx, s)
	return &Relay{Relay: r.Relay, Manager: boss, Sheet: r.Sheet, stage: s}, err
}

// Secret is what the worker types to sign in, asking for a session. With a second
// factor it has a fresh code, for which the clock of the stage may have to move on.
func (w *Staff) Secret() vault.Password {
	return vault.Password{Login: w.Login, Secret: w.Password, Code: w.Code(), Session: &vault.SessionRequest{Device: "test"}, Priority: true}
}
