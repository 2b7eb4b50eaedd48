package vault

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// Keeper is the key service: a KMS or a local key file. *secrets.Keeper of
// gocloud.dev fits as it is. It wraps one key of each vault and the service's
// own keys, so that a copy of the store alone cannot even be guessed at.
type Keeper interface {
	// Encrypt seals a few hundred bytes.
	Encrypt(ctx context.Context, plaintext []byte) ([]byte, error)
	// Decrypt opens what Encrypt sealed, or fails.
	Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error)
}

// Checkpoint is what a witness remembers of one head of a vault. Head is
// "owner", "shared", "private" or "journal", or "stop" for what ended all sessions
// last; later is the higher Restore, then the higher Version. It is an alias of an unnamed type so that a witness need
// not import this package.
type Checkpoint = struct {
	Head    string
	Restore uint64
	Version uint64
	Hash    [32]byte
}

// Checkpoints is the memory against rollback, best kept by another
// organisation. recovery/witness serves it.
type Checkpoints interface {
	// Latest returns what is remembered of a vault; nothing for an unknown one.
	Latest(ctx context.Context, vault [16]byte) ([]Checkpoint, error)
	// Raise reports heads and returns what is remembered afterwards. A lower
	// report changes nothing; an equal version with another hash is not taken. An
	// owner head comes with its signed record, which must verify. With durable,
	// or with an owner head, it is on stable storage before the answer.
	Raise(ctx context.Context, vault [16]byte, heads []Checkpoint, owner []byte, durable bool) ([]Checkpoint, error)
	// Keep keeps the owner side that belongs to a signed owner head, before that
	// head is raised, so that a restore from a backup does not bring back the
	// secrets of that day. It is on stable storage before the answer.
	Keep(ctx context.Context, vault [16]byte, owner []byte, side []Kept) error
	// Restored returns the complete statement that began the vault's restore epoch,
	// nil if there is none. See [RestoreKeys].
	Restored(ctx context.Context, vault [16]byte) (complete []byte, err error)
	// Inbox says to which key of the witness's own what it alone is to read is closed
	// (CBOR, see docs/format.md), signed by the witness if it signs restores. With
	// Config.Restore a signature by its Witness is demanded; without it the connection
	// to the witness vouches for the key.
	Inbox(ctx context.Context) (inbox []byte, err error)
}

// RestoreKeys are the two Ed25519 public keys whose signatures it takes to set a
// vault back to a backup: one person or machine alone cannot.
type RestoreKeys struct {
	Operator []byte // kept apart from the running service
	Witness  []byte // the witness's own
}

// Tries is what a limiter knows of one counter. With Wait over zero the try was
// refused and not counted; Spent, which only Evaluate says, is the same until a
// reset.
type Tries = struct {
	Total  uint64
	Failed uint64
	Wait   time.Duration
	Spent  bool
}

// Evaluation is what a limiter made of a secret that is too short to stand alone.
type Evaluation = struct {
	Output     [32]byte // zero where the try was refused
	Generation uint64   // of the key that made it; 0 where the try was refused
	Tries      Tries
}

// Limiter counts guesses before they are evaluated.
type Limiter interface {
	// Count counts one try, durably, before it answers.
	Count(ctx context.Context, vault [16]byte, counter [32]byte) (Tries, error)
	// Evaluate counts one try in the same way and, if it was counted, returns a
	// pseudorandom function of vault, counter and input under a key that only the
	// limiter has. After 20 failed tries the counter is spent. generation names the
	// key, 0 the latest; earlier ones stay usable.
	Evaluate(ctx context.Context, vault [16]byte, counter, input [32]byte, generation uint64) (Evaluation, error)
	// Tried says how a counter stands for Evaluate, and counts nothing.
	Tried(ctx context.Context, vault [16]byte, counter [32]byte) (Tries, error)
	// Reset takes a statement signed by the vault's key: whoever could reset
	// without it would remove the limit (N6).
	Reset(ctx context.Context, vault [16]byte, counter [32]byte, statement []byte) error
}

// Config is what a service needs. The first six are required.
type Config struct {
	Store       *storage.Store // records
	Blobs       storage.Blobs  // documents
	Keeper      Keeper
	Checkpoints Checkpoints
	Limiter     Limiter
	Quota       *quota.Quota

	Directory Directory // nil: nobody but the person can be let in

	Restore *RestoreKeys // nil: a store that was set back is always refused, with ErrStale

	Now         func() time.Time // nil: time.Now
	SessionIdle time.Duration    // a session ends after this without use; 0: 15 minutes
	SessionMax  time.Duration    // and after this in any case; 0: 12 hours
	// StaffSessionIdle and StaffSessionMax are the same for who works for relays, whose
	// session reaches the spaces of many; 0: as for persons.
	StaffSessionIdle, StaffSessionMax time.Duration

	SignIns     int      // passwords derived at once, 64 MiB each; 0: GOMAXPROCS
	SignInQueue int      // waiting for that; 0: 64. Beyond: ErrBusy
	Folders     []string // names of the folders of a new vault; nil: SuggestedFolders

	// LeftShare is how much of the space strangers may fill who have the code of a link, in
	// percent; 0: 20, at most 90. The rest is the person's own, whatever comes.
	LeftShare int
	// LeftPerDay is how much may be left by one link in a day (UTC); 0: 50.
	LeftPerDay int

	// DeathWait is how long a wish to be erased waits after an operator has recorded a
	// death; 0: 90 days, at least 30 days. It never is shorter than SessionMax.
	DeathWait time.Duration
	// Messenger sends reminders to who asked for them, by [Vaults.SendReminders]; nil: nobody is
	// reminded.
	Messenger Messenger
	// Events, if not nil, takes what happened, by [Vaults.PublishEvents]; nil: nothing is
	// kept for it. All services over one store have one, or none has.
	Events Events
	// Tally, if not nil, counts what is done for who pays for it, in its commit; nil:
	// nothing is counted.
	Tally Tally
	// UnseenAfter is how many months without a sign-in count as long; 0: 24, at least 6.
	UnseenAfter int
	// OnUnseen, if not nil, is told by Sweep when somebody was not seen for so long,
	// since the month that begins at since. An error is counted as a failure of the
	// sweep, and it is told again. It erases nothing, and must not wait for long.
	OnUnseen func(ctx context.Context, id ID, since time.Time) error
}

// SuggestedFolders are the folders that French relays start with.
var suggestedFolders = []string{
	"Identité", "Santé", "Logement", "Travail", "Famille", "Argent", "Justice", "Divers",
}

// SuggestedFolders returns the names of the folders of a French relay.
func SuggestedFolders() []string { return append([]string(nil), suggestedFolders...) }

// Vaults is the service that holds many people's vaults. It holds no key of a
// vault that nobody has open. Safe for many goroutines.
type Vaults struct {
	cfg        Config
	keys       *serviceKeys
	decoy      *decoy
	queue      *queue
	derive     *derivations
	marks      *marks
	reporter   *reporter
	away       *awayTries
	inbox      witnessInbox
	disowned   disowned
	signatures *signatures
	sendWaits  time.Duration // for one reminder
	close      sync.Once
}

// New checks the configuration, names every problem at once, and opens the
// service's own keys with the key service; the first start makes them.
func New(ctx context.Context, cfg Config) (*Vaults, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	keys, err := openServiceKeys(ctx, cfg.Store, cfg.Keeper)
	if err != nil {
		return nil, err
	}
	s := &Vaults{
		cfg: cfg, keys: keys,
		queue:      newQueue(),
		derive:     newDerivations(cfg.SignIns, cfg.SignInQueue),
		marks:      newMarks(cfg.Now),
		away:       newAwayTries(cfg.Now),
		signatures: newSignatures(),
		sendWaits:  defaultSendWaits,
	}
	if s.decoy, err = newDecoy(ctx, cfg.Keeper); err != nil {
		return nil, err
	}
	s.reporter = newReporter(s)
	return s, nil
}

// Close waits until what was reported to the witness is sent. It closes
// neither the stores nor the witness: they belong to the caller.
func (s *Vaults) Close() error {
	s.close.Do(func() { s.reporter.close() })
	return nil
}

func (c *Config) complete() error {
	var problems []error
	need := func(ok bool, field string) {
		if !ok {
			problems = append(problems, &InvalidError{Field: "Config." + field, Problem: "is missing"})
		}
	}
	need(c.Store != nil, "Store")
	need(c.Blobs != nil, "Blobs")
	need(c.Keeper != nil, "Keeper")
	need(c.Checkpoints != nil, "Checkpoints")
	need(c.Limiter != nil, "Limiter")
	need(c.Quota != nil, "Quota")
	if r := c.Restore; r != nil {
		if seal.CheckPublic(r.Operator) != nil || seal.CheckPublic(r.Witness) != nil || slices.Equal(r.Operator, r.Witness) {
			problems = append(problems, &InvalidError{Field: "Config.Restore", Problem: "is not two different Ed25519 public keys"})
		}
	}
	for _, n := range []struct {
		field string
		bad   bool
	}{
		{"SessionIdle", c.SessionIdle < 0}, {"SessionMax", c.SessionMax < 0},
		{"StaffSessionIdle", c.StaffSessionIdle < 0}, {"StaffSessionMax", c.StaffSessionMax < 0},
		{"LeftShare", c.LeftShare < 0}, {"LeftPerDay", c.LeftPerDay < 0}, {"SignIns", c.SignIns < 0}, {"SignInQueue", c.SignInQueue < 0},
	} {
		if n.bad {
			problems = append(problems, &InvalidError{Field: "Config." + n.field, Problem: "is negative"})
		}
	}
	if c.LeftShare > 90 {
		problems = append(problems, &InvalidError{Field: "Config.LeftShare", Problem: "is more than 90 percent"})
	}
	if c.DeathWait != 0 && c.DeathWait < leastDeathWait {
		problems = append(problems, &InvalidError{Field: "Config.DeathWait", Problem: "is less than 30 days"})
	}
	if c.UnseenAfter != 0 && (c.UnseenAfter < leastUnseen || c.UnseenAfter > mostUnseen) {
		problems = append(problems, &InvalidError{Field: "Config.UnseenAfter", Problem: fmt.Sprintf("is not from %d to %d months", leastUnseen, mostUnseen)})
	}
	if len(c.Folders) > maxSuggestedFolders {
		problems = append(problems, &InvalidError{Field: "Config.Folders", Problem: fmt.Sprintf("holds more than %d names", maxSuggestedFolders)})
	}
	for _, name := range c.Folders {
		if err := checkName("Config.Folders", name); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.SessionIdle == 0 {
		c.SessionIdle = 15 * time.Minute
	}
	if c.SessionMax == 0 {
		c.SessionMax = 12 * time.Hour
	}
	if c.StaffSessionIdle == 0 {
		c.StaffSessionIdle = c.SessionIdle
	}
	if c.StaffSessionMax == 0 {
		c.StaffSessionMax = c.SessionMax
	}
	if c.SignIns == 0 {
		c.SignIns = runtime.GOMAXPROCS(0)
	}
	if c.SignInQueue == 0 {
		c.SignInQueue = 64
	}
	if c.LeftShare == 0 {
		c.LeftShare = 20
	}
	if c.LeftPerDay == 0 {
		c.LeftPerDay = 50
	}
	if c.DeathWait == 0 {
		c.DeathWait = defaultDeathWait
	}
	if c.UnseenAfter == 0 {
		c.UnseenAfter = defaultUnseen
	}
	if c.Folders == nil {
		c.Folders = SuggestedFolders()
	}
	return nil
}

// maxSuggestedFolders keeps the commit that creates a vault below the limit of
// a batch: two records for each, and about twenty-five others.
const maxSuggestedFolders = 24

var compartments = [...]Compartment{Owner, Shared, Private}

func (c Compartment) seal() seal.Compartment { return seal.Compartment(c) }
