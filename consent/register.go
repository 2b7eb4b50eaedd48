package consent

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// RegisterConfig is what a register stands on. All but Now are required.
type RegisterConfig struct {
	Directory   *Directory
	Store       *storage.Store
	Checkpoints vault.Checkpoints
	Now         func() time.Time // nil: time.Now
}

// Register tells vaults who others are: it is the vault.Directory of a service. It
// is made before the vaults, and given to vault.Config. A relay is believed when the
// authority signed a key of its space and the space's present key follows that one;
// a worker, when the relay signed theirs. Safe for many goroutines.
type Register struct {
	directory *Directory
	spaces    *spaces

	mu      sync.Mutex
	members map[[32]byte]Member // credentials that were verified: what is signed stays signed
}

var _ vault.Directory = (*Register)(nil)

// membersKept bounds what is remembered of credentials, some 500 bytes each.
const membersKept = 10_000

// NewRegister checks the configuration and names every problem at once.
func NewRegister(cfg RegisterConfig) (*Register, error) {
	var problems []error
	if cfg.Directory == nil {
		problems = append(problems, invalid("RegisterConfig.Directory", "is missing"))
	}
	if cfg.Store == nil {
		problems = append(problems, invalid("RegisterConfig.Store", "is missing"))
	}
	if cfg.Checkpoints == nil {
		problems = append(problems, invalid("RegisterConfig.Checkpoints", "is missing"))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return &Register{
		directory: cfg.Directory,
		spaces:    &spaces{store: cfg.Store, witness: cfg.Checkpoints, now: cfg.Now, known: map[vault.ID]*memory{}},
		members:   map[[32]byte]Member{},
	}, nil
}

// Holder implements vault.Directory. A relay must be in the directory, and not
// withdrawn; its space must be signed by the key of its entry or one that follows,
// in a head that the witness knows. A worker's key is never believed by the store's
// word alone: pinned must say by which key somebody met them, on a screen or in a
// credential. ErrEnded, ErrUntrustedKey, ErrStale, ErrTampered, ErrWitnessAway,
// ErrStorage. Of a relay its organisation is told, so that two of one are not taken
// for two (F13).
func (r *Register) Holder(ctx context.Context, holder vault.ID, pinned []byte) (vault.HolderKeys, error) {
	relay, err := r.directory.Relay(ctx, holder)
	if errors.Is(err, ErrNotNamed) || errors.Is(err, ErrNoDirectory) {
		if keys, is, err := r.partner(ctx, holder, pinned); is || err != nil {
			return keys, err
		}
		return r.worker(ctx, holder, pinned)
	}
	if err != nil {
		return vault.HolderKeys{}, err
	}
	if relay.Withdrawn != "" {
		return vault.HolderKeys{}, vault.ErrEnded
	}
	h, err := r.spaces.head(ctx, holder, relay.Key[:])
	if err != nil {
		return vault.HolderKeys{}, err
	}
	if h.Kind != seal.KindRelay || pinned != nil && !h.Trusts(pinned) {
		return vault.HolderKeys{}, vault.ErrUntrustedKey // D2
	}
	inbox, err := keysIn(h, seal.Shared)
	return vault.HolderKeys{Inbox: inbox, Key: h.Key, Organisation: relay.Organisation}, err
}

func (r *Register) worker(ctx context.Context, holder vault.ID, pinned []byte) (vault.HolderKeys, error) {
	if pinned == nil {
		// D1: also a relay that the authority has not signed, or a made-up one.
		return vault.HolderKeys{}, vault.ErrUntrustedKey
	}
	h, err := r.spaces.head(ctx, holder, pinned)
	if err != nil {
		return vault.HolderKeys{}, err
	}
	if h.Kind != seal.KindWorker {
		return vault.HolderKeys{}, vault.ErrUntrustedKey
	}
	inbox, err := keysIn(h, seal.Owner)
	return vault.HolderKeys{Inbox: inbox, Key: h.Key}, err
}

// Signer implements vault.Directory: by signatures alone, so that what somebody
// wrote stays theirs when they have left, or their relay was withdrawn.
func (r *Register) Signer(ctx context.Context, credential []byte) (vault.Signer, error) {
	m, err := r.Member(ctx, credential)
	if err != nil {
		return vault.Signer{}, err
	}
	return vault.Signer{Actor: m.actor(), Key: m.Key, Named: m.Named}, nil
}

// Member returns whom a credential names, also when they have left. ErrUntrustedKey
// if it does not lead to the authority.
func (r *Register) Member(ctx context.Context, credential []byte) (Member, error) {
	digest := seal.Digest(credential)
	r.mu.Lock()
	m, ok := r.members[digest]
	r.mu.Unlock()
	if ok {
		return m, nil
	}
	m, by, err := openCredential(credential)
	if err != nil {
		return m, err
	}
	if err := r.signs(ctx, m.Relay, by); err != nil {
		return Member{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for other := range r.members {
		if len(r.members) < membersKept {
			break
		}
		delete(r.members, other)
	}
	r.members[digest] = m
	return m, nil
}

// signs says whether a key is or was a relay's.
func (r *Register) signs(ctx context.Context, id RelayID, key []byte) error {
	relay, err := r.directory.Relay(ctx, id)
	if errors.Is(err, ErrNotNamed) || errors.Is(err, ErrNoDirectory) {
		return vault.ErrUntrustedKey
	}
	if err != nil || bytes.Equal(relay.Key[:], key) {
		return err
	}
	h, err := r.spaces.head(ctx, id, relay.Key[:])
	if err != nil {
		return err
	}
	if h.Kind != seal.KindRelay || !h.Trusts(key) {
		return vault.ErrUntrustedKey
	}
	return nil
}

// standing refuses what is done for a relay that the authority has withdrawn, in the
// commit of the act itself (N7).
func (r *Register) standing(ctx context.Context, tx *storage.Tx, id RelayID) error {
	s, err := r.directory.Current(ctx)
	if err != nil {
		return err
	}
	rec, err := tx.Get(headKey(r.directory.id))
	if err != nil {
		return err
	}
	if !bytes.Equal(rec.Value, s.record) {
		return vault.ErrStale // published this moment: look once more
	}
	relay, err := s.Relay(id)
	if errors.Is(err, ErrNotNamed) {
		return vault.ErrUntrustedKey
	}
	if err == nil && relay.Withdrawn != "" {
		return vault.ErrEnded
	}
	return err
}
