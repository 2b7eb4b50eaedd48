package vaulttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"reconnect.example/internal/testkeys"
	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Options are what may differ from stage to stage. The zero value is a service
// in memory.
type Options struct {
	// Folder, if not empty, is where records (SQLite), documents (files), the
	// witness and the key file lie, named as package vault/local names them.
	Folder string
	// Records and Documents, if not nil, are what the service stands on instead of
	// the stores named above: another driver, or stores that are malicious. Whoever
	// gives them closes them, after the stage.
	Records   storage.Driver
	Documents storage.Blobs
	// Copy, if not nil, is what the service begins with: what a stage in memory held.
	// Not with Folder; Start is then not looked at.
	Copy *Copy
	// Start is where the clock stands at first. Zero: 2 March 2026, 9:00 UTC.
	Start time.Time
	// Quota is the configuration of the quota; its clock is that of the stage.
	Quota quota.Config
	// Folders, the limits of sessions, SignIns and SignInQueue are those of
	// vault.Config. Folders nil: one folder, "Papers".
	Folders                 []string
	SessionIdle, SessionMax time.Duration

	StaffSessionIdle, StaffSessionMax time.Duration

	SignIns, SignInQueue int
	// LeftShare and LeftPerDay are those of vault.Config.
	LeftShare, LeftPerDay int
	// Directory makes the directory over the parts of this service. nil: none, so that
	// nobody but the person can be let in.
	Directory func(*storage.Store, vault.Checkpoints) (vault.Directory, error)
	// DeathWait, UnseenAfter and OnUnseen are those of vault.Config.
	DeathWait   time.Duration
	UnseenAfter int
	OnUnseen    func(ctx context.Context, id vault.ID, since time.Time) error
	// Messenger is that of vault.Config.
	Messenger vault.Messenger
	// Events is that of vault.Config.
	Events vault.Events
	// Tally is that of vault.Config.
	Tally vault.Tally

	// What stands between the service and each of its parts; nil: nothing. Wraps
	// see what this service does, not what [Stage.Another] does.
	Driver      func(storage.Driver) storage.Driver
	Blobs       func(storage.Blobs) storage.Blobs
	Keeper      func(vault.Keeper) vault.Keeper
	Checkpoints func(vault.Checkpoints) vault.Checkpoints
	Limiter     func(vault.Limiter) vault.Limiter
}

// Stage is a running service and its parts. The parts are as the service sees
// them, with their wraps.
type Stage struct {
	*vault.Vaults
	Store   *storage.Store
	Blobs   storage.Blobs
	Quota   *quota.Quota
	Witness *witness.Witness
	Keeper  vault.Keeper
	Clock   *Clock

	parts *parts
	own   bool // the parts end with this stage
}

// New sets a stage that ends with the test.
func New(t testing.TB, opts *Options) *Stage {
	t.Helper()
	s, err := Open(t.Context(), opts)
	return ended(t, s, err)
}

// Open is [New] where there is no test to end with, as in an example: the
// caller closes the stage.
func Open(ctx context.Context, opts *Options) (*Stage, error) {
	testkeys.UseCheapKDF()
	if opts == nil {
		opts = &Options{}
	}
	p, err := openParts(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	s, err := p.service(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	s.own = true
	return s, nil
}

// Another starts a second service over the same data, with the same clock, key
// service and witness, as another process would be. It has its own wraps and
// limits; Folder, Records, Documents and Start of opts are not looked at. It ends with the test, and
// must not be used after the first stage has ended.
func (s *Stage) Another(t testing.TB, opts *Options) *Stage {
	t.Helper()
	if opts == nil {
		opts = &Options{}
	}
	other, err := s.parts.service(t.Context(), opts)
	return ended(t, other, err)
}

func ended(t testing.TB, s *Stage, err error) *Stage {
	t.Helper()
	if err != nil {
		t.Fatalf("vaulttest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("vaulttest: %v", err)
		}
	})
	return s
}

// Close ends the service after its last reports to the witness, and then, if
// this stage opened them, its parts. Closing again does nothing.
func (s *Stage) Close() error {
	err := s.Vaults.Close()
	if s.own {
		err = errors.Join(err, s.parts.close())
	}
	return err
}
