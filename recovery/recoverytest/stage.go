package recoverytest

import (
	"context"
	"errors"
	"testing"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Options are what may differ from stage to stage. The zero value is a service in
// memory, whose witness is of another organisation.
type Options struct {
	// Consent is as for consenttest.Open: in which folder, over which stores, with what
	// between the service and its parts.
	Consent consenttest.Options
	// Recovery is the configuration of the service, but for the parts that the stage makes
	// itself, and Independent.
	Recovery recovery.Config
	// OwnWitness says that the witness is the operator's own, and not of another
	// organisation.
	OwnWitness bool
	// Witness stands between this service and the witness; nil: nothing.
	Witness func(recovery.Witness) recovery.Witness
}

// Stage is a running service with ways back in, and who helps.
type Stage struct {
	*consenttest.Stage
	Recovery *recovery.Service

	Harbour     *consenttest.Relay // follows Amina
	Samir, Rosa *consenttest.Staff // who work there
	Line        *consenttest.Relay // a desk of another organisation, which may help her
	Lina, Omar  *consenttest.Staff // who answer there
	Amina       *vaulttest.Person
	Followed    vault.GrantID // of Harbour
	Allowed     vault.GrantID // of Line
}

// Notice is what people on the stage have read.
func Notice() vault.Notice {
	return vault.Notice{Version: "test-1", Language: "en", Text: "Who may help you back in, how, and how to end it."}
}

// New sets a stage that ends with the test.
func New(t testing.TB, opts *Options) *Stage {
	t.Helper()
	s, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatalf("recoverytest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("recoverytest: %v", err)
		}
	})
	return s
}

// Open is [New] where there is no test to end with, as in an example: the caller closes
// the stage.
func Open(ctx context.Context, opts *Options) (*Stage, error) {
	if opts == nil {
		opts = &Options{}
	}
	if plain(opts) {
		return openSettled(ctx, opts)
	}
	return open(ctx, opts, (*Stage).settle)
}

// open opens a stage and has everybody come.
func open(ctx context.Context, opts *Options, come func(*Stage, context.Context) error) (*Stage, error) {
	under, err := consenttest.Open(ctx, &opts.Consent)
	if err != nil {
		return nil, err
	}
	s := &Stage{Stage: under}
	if err = s.serve(opts); err == nil {
		err = come(s, ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Another starts a second service over the same data, with the same clock, key service,
// witness and authority, as another process would be. Who is on the stage signs in
// there anew. It ends with the test.
func (s *Stage) Another(t testing.TB, opts *Options) *Stage {
	t.Helper()
	if opts == nil {
		opts = &Options{}
	}
	other := *s
	other.Stage = s.Stage.Another(t, &opts.Consent)
	if err := other.serve(opts); err != nil {
		t.Fatalf("recoverytest: %v", err)
	}
	for _, w := range []**consenttest.Staff{&other.Samir, &other.Rosa, &other.Lina, &other.Omar} {
		*w = (*w).SignIn(t, other.Stage)
	}
	amina := *s.Amina
	amina.Vault = amina.SignIn(t, other.Stage.Stage)
	other.Amina = &amina
	return &other
}

func (s *Stage) serve(opts *Options) (err error) {
	cfg := opts.Recovery
	cfg.Vaults, cfg.Consent, cfg.Directory, cfg.Register, cfg.Store = s.Stage.Vaults, s.Service, s.Directory, s.Register, s.Store
	cfg.Witness, cfg.Independent = s.Witness, !opts.OwnWitness
	if opts.Witness != nil {
		cfg.Witness = opts.Witness(cfg.Witness)
	}
	if cfg.Now == nil {
		cfg.Now = s.Clock.Now
	}
	s.Recovery, err = recovery.New(cfg)
	return err
}

// settle brings everybody onto the stage.
func (s *Stage) settle(ctx context.Context) (err error) {
	other, err := s.NewOrganisation(ctx, "The other end of the line")
	if err != nil {
		return err
	}
	if s.Harbour, err = s.NewRelay(ctx, "Harbour"); err != nil {
		return err
	}
	if s.Line, err = s.NewRelayOf(ctx, "Line", consent.TypeDesk, other); err != nil {
		return err
	}
	for _, one := range []struct {
		who  **consenttest.Staff
		name string
		at   *consenttest.Relay
	}{{&s.Samir, "Samir", s.Harbour}, {&s.Rosa, "Rosa", s.Harbour}, {&s.Lina, "Lina", s.Line}, {&s.Omar, "Omar", s.Line}} {
		if *one.who, err = one.at.NewHire(ctx, one.name, consent.RoleHelp); err != nil {
			return err
		}
	}
	if s.Amina, err = s.NewPerson(ctx); err != nil {
		return err
	}
	return s.agree(ctx)
}

// agree has Amina let the relay follow her, and the desk help.
func (s *Stage) agree(ctx context.Context) error {
	f := consent.Follow{Relay: s.Harbour.ID, Scope: vault.ScopeAdd, Notice: Notice(), Agreed: true, Name: "Amina K."}
	if _, err := s.Service.Follow(ctx, s.Amina.Vault, f, s.Secret()); err != nil {
		return err
	}
	d := consent.DeskHelp{Desk: s.Line.ID, Notice: Notice(), Agreed: true}
	if _, err := s.AllowDesk(ctx, s.Amina.Vault, d, s.Secret()); err != nil {
		return err
	}
	all, err := s.Amina.Vault.Grants(ctx)
	for _, g := range all {
		if g.Scope == vault.ScopeHelp {
			s.Allowed = g.ID
		} else {
			s.Followed = g.ID
		}
	}
	return err
}

// Secret is Amina's, as her password is now.
func (s *Stage) Secret() vault.Secret { return vault.Secret{Password: s.Amina.Password} }
