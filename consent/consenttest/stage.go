package consenttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// Options are what may differ from stage to stage. The zero value is a service in
// memory.
type Options struct {
	// Vault is as for vaulttest.Open: in which folder, over which stores, with what
	// between the service and its parts. Its Directory is the stage's own.
	Vault vaulttest.Options
	// Service is the configuration of the service, but for the parts that the stage
	// makes itself, and the second factor.
	Service consent.Config
	// SecondFactor asks workers for one. Who is made by the stage then has one, and
	// [Staff.Secret] has its code.
	SecondFactor bool
	// Authority is who signs the directory; nil: one that is drawn. A folder is opened
	// again with the one of before, and so is a copy (vaulttest.Options.Copy).
	Authority *consent.Authority
}

// Stage is a running service with relays.
type Stage struct {
	*vaulttest.Stage
	*consent.Service
	Directory    *consent.Directory
	Register     *consent.Register
	Authority    *consent.Authority
	Organisation consent.Organisation

	secondFactor bool
}

// New sets a stage that ends with the test.
func New(t testing.TB, opts *Options) *Stage {
	t.Helper()
	s, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatalf("consenttest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("consenttest: %v", err)
		}
	})
	return s
}

// Open is [New] where there is no test to end with, as in an example: the caller
// closes the stage.
func Open(ctx context.Context, opts *Options) (*Stage, error) {
	if opts == nil {
		opts = &Options{}
	}
	s := &Stage{Authority: opts.Authority, Organisation: consent.Organisation{ID: consent.NewOrganisationID(), Name: "Les Amis", Country: "FR"}}
	if s.Authority == nil {
		s.Authority = consent.NewAuthority()
	}
	under := opts.Vault
	under.Directory = s.directory(s.Authority.Public(), opts)
	under.Messenger, under.Tally = s.messengers(under.Messenger), tally{s}
	var err error
	if s.Stage, err = vaulttest.Open(ctx, &under); err != nil {
		return nil, err
	}
	if err = s.serve(opts); err == nil {
		err = s.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Another starts a second service over the same data, with the same clock, key
// service, witness and authority, as another process would be. It has its own wraps;
// Folder, Records, Documents and Start are not looked at. It ends with the test.
func (s *Stage) Another(t testing.TB, opts *Options) *Stage {
	t.Helper()
	if opts == nil {
		opts = &Options{}
	}
	other := &Stage{Authority: s.Authority, Organisation: s.Organisation}
	under := opts.Vault
	under.Directory = other.directory(s.Directory.Authority(), opts)
	under.Messenger, under.Tally = other.messengers(under.Messenger), tally{other}
	other.Stage = s.Stage.Another(t, &under)
	if err := other.serve(opts); err != nil {
		t.Fatalf("consenttest: %v", err)
	}
	return other
}

// directory makes directory and register over the parts of a service, as they are
// made before the vaults.
func (s *Stage) directory(authority consent.AuthorityKey, opts *Options) func(*storage.Store, vault.Checkpoints) (vault.Directory, error) {
	now := opts.Service.Now
	return func(store *storage.Store, witness vault.Checkpoints) (vault.Directory, error) {
		if now == nil {
			now = func() time.Time { return s.Clock.Now() }
		}
		var err error
		if s.Directory, err = consent.OpenDirectory(context.Background(), consent.DirectoryConfig{Store: store, Checkpoints: witness, Authority: authority, Now: now}); err != nil {
			return nil, err
		}
		s.Register, err = consent.NewRegister(consent.RegisterConfig{Directory: s.Directory, Store: store, Checkpoints: witness, Now: now})
		return s.Register, err
	}
}

// messengers puts reminders on the lists of relays beside whatever else sends them.
func (s *Stage) messengers(others vault.Messenger) vault.Messenger {
	if others == nil {
		return lists{s}
	}
	return vault.Messengers{others, lists{s}}
}

// lists are those of a register that is made with the vaults.
type lists struct{ of *Stage }

func (l lists) Offers(c vault.Channel) bool { return c == vault.ByRelay }

func (l lists) Send(ctx context.Context, m vault.Message) error {
	return consent.NewLists(l.of.Register).Send(ctx, m)
}

func (l lists) Withdraw(ctx context.Context, m vault.Message) error {
	return consent.NewLists(l.of.Register).Withdraw(ctx, m)
}

// tally counts by a directory that is made with the vaults.
type tally struct{ of *Stage }

func (c tally) Count(tx *storage.Tx, relay vault.ID, what vault.Counted) {
	consent.NewTally(c.of.Directory).Count(tx, relay, what)
}

func (s *Stage) serve(opts *Options) (err error) {
	cfg := opts.Service
	s.secondFactor, cfg.OneFactor = opts.SecondFactor, !opts.SecondFactor
	cfg.Vaults, cfg.Store, cfg.Directory, cfg.Register = s.Stage.Vaults, s.Store, s.Directory, s.Register
	if cfg.Now == nil {
		cfg.Now = s.Clock.Now
	}
	s.Service, err = consent.New(cfg)
	return err
}

// begin publishes the first directory, with the organisation.
func (s *Stage) begin(ctx context.Context) error {
	if _, err := s.Directory.Current(ctx); err == nil || !errors.Is(err, consent.ErrNoDirectory) {
		return err // a folder of before
	}
	first, err := s.Authority.Begin()
	if err != nil {
		return err
	}
	if first, err = s.Authority.Sign(first, consent.Change{Organisation: &s.Organisation}); err != nil {
		return err
	}
	bundle, err := first.Bundle()
	if err == nil {
		_, err = s.Directory.Publish(ctx, bundle)
	}
	return err
}

// NewOrganisation adds an organisation to the directory, beside the stage's own.
func (s *Stage) NewOrganisation(ctx context.Context, name string) (consent.Organisation, error) {
	o := consent.Organisation{ID: consent.NewOrganisationID(), Name: name, Country: "FR"}
	return o, s.Publish(ctx, consent.Change{Organisation: &o})
}

// Sign has the authority sign changes of the directory, and publishes them.
func (s *Stage) Sign(t testing.TB, changes ...consent.Change) {
	t.Helper()
	if err := s.Publish(t.Context(), changes...); err != nil {
		t.Fatalf("consenttest: publish: %v", err)
	}
}

// Publish is [Stage.Sign] where there is no test, or an error is expected.
func (s *Stage) Publish(ctx context.Context, changes ...consent.Change) error {
	on, err := s.Directory.Current(ctx)
	if err != nil {
		return err
	}
	next, err := s.Authority.Sign(on, changes...)
	if err != nil {
		return err
	}
	bundle, err := next.Bundle()
	if err == nil {
		_, err = s.Directory.Publish(ctx, bundle)
	}
	return err
}
