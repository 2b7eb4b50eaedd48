package consent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// An invitation is a code that lets somebody ask. It opens nothing: a relay that is
// founded with one is none until the authority signs it, and who asks a relay is let
// in by a manager, who compares their key. So the store gains nothing by making one
// up. As stored, svc/invitation/<digest of the code>: CBOR of this. It can be used
// once: the commit that uses it deletes it. One that nobody used goes with its time.
type invitationRecord struct {
	Relay [16]byte `cbor:"1,keyasint,omitempty"` // zero: to found one
	Roles Role     `cbor:"2,keyasint,omitempty"`
	Until int64    `cbor:"3,keyasint"`           // unix milliseconds
	Taken [16]byte `cbor:"4,keyasint,omitempty"` // founding: the worker who has begun
}

// Invitation is a code to hand over, on paper or aloud. It is shown once.
type Invitation struct {
	Code  string  // "" in a list: nobody is shown it again
	Relay RelayID // zero: to found one
	Roles Role
	Until time.Time

	// For the managers of the relay, and nobody else:
	ID    InvitationID // for [Post.TakeBack]
	Label string       // for whom it is, as was written on it
	By    string       // the manager who made it
}

// InviteOptions are extras of [Post.Invite].
type InviteOptions struct {
	// Label says for whom a code is, so that managers tell those apart that nobody has
	// used yet: at most 100 characters on one line. It is sealed to the relay, and goes
	// with the code.
	Label string
}

const (
	invitationPrefix = "svc/invitation/"
	invitedPrefix    = "svc/invited/"
)

// invitedRecord is how many codes of one relay are good, svc/invited/<relay>: until
// when each is. Who manages a relay cannot fill the store with them, and nobody has to
// look through those of others.
type invitedRecord struct {
	Until []int64 `cbor:"1,keyasint"` // unix milliseconds, the oldest first
}

// How many codes can be good at a time: of one relay, and of the operator for relays
// that are to be founded.
const (
	mostInvitations = 200
	mostFoundings   = 2_000
)

func invitationKey(code string) string {
	sum := sha256.Sum256([]byte("reconnect invitation " + code))
	return invitationPrefix + hex.EncodeToString(sum[:])
}

// InviteManager makes a code with which somebody can found one relay, for the
// operator to hand over. Errors: vault.ErrTooMany with 2,000 that nobody has used.
func (s *Service) InviteManager(ctx context.Context) (Invitation, error) {
	return s.invite(ctx, Invitation{Roles: RoleHelp | RoleManage}, nil)
}

// Invite makes a code with which one worker can ask to join this relay. The roles are
// a proposal; who admits decides. opts may be nil. Errors: ErrNotManager,
// vault.ErrInvalid, vault.ErrTooMany with 200 that nobody has used and whose time is
// not over.
func (p *Post) Invite(ctx context.Context, roles Role, opts *InviteOptions) (Invitation, error) {
	i := Invitation{Relay: p.relay.ID, Roles: roles, ID: newInvitationID(), By: p.name}
	if opts != nil {
		i.Label = cleanText(opts.Label)
	}
	if err := errors.Join(roles.check(), checkText("label", i.Label, mostLabel, false)); err != nil {
		return Invitation{}, err
	}
	if err := p.mayManage(ctx); err != nil {
		return Invitation{}, err
	}
	return p.service().invite(ctx, i, p.writeOn)
}

// invite draws a code. label makes the record by which managers know it; nil: none.
func (s *Service) invite(ctx context.Context, i Invitation, label func(i Invitation, key string) ([]byte, error)) (Invitation, error) {
	var err error
	if i.Code, err = newCode(invitationDigits); err != nil {
		return Invitation{}, err
	}
	key := invitationKey(i.Code)
	i.Until = s.now().Add(s.cfg.InvitationsLast)
	body, err := seal.Marshal(invitationRecord{Relay: i.Relay, Roles: i.Roles, Until: i.Until.UnixMilli()})
	if err != nil {
		return Invitation{}, err
	}
	var written []byte
	if label != nil {
		if written, err = label(i, key); err != nil {
			return Invitation{}, err
		}
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if _, err := tx.Get(key); !errors.Is(err, storage.ErrNotFound) {
			return errors.Join(vault.ErrStorage, err) // fourteen random digits met twice
		}
		if err := s.countIn(tx, i.Relay, i.Until); err != nil {
			return err
		}
		putPassing(tx, key, body, i.Until)
		if label != nil {
			putPassing(tx, labelKey(i.Relay, key), written, i.Until)
		}
		return nil
	})
	return i, storageError(err)
}

// putPassing writes a record that a sweeper deletes when its time is over.
func putPassing(tx *storage.Tx, key string, value []byte, until time.Time) {
	tx.Put(key, value)
	if due, ok := vault.NoteDue(key, until); ok {
		tx.Put(due, nil)
	}
}

func deletePassing(tx *storage.Tx, key string, until time.Time) {
	tx.Delete(key)
	if due, ok := vault.NoteDue(key, until); ok {
		tx.Delete(due)
	}
}

func (s *Service) readInvited(tx *storage.Tx, relay RelayID) (r invitedRecord, err error) {
	rec, err := tx.Get(invitedPrefix + relay.String())
	if errors.Is(err, storage.ErrNotFound) {
		return r, nil
	}
	if err == nil && seal.Unmarshal(rec.Value, &r) != nil {
		r = invitedRecord{} // the store spoilt it, and could as well have taken it away
	}
	now := s.now().UnixMilli()
	r.Until = slices.DeleteFunc(r.Until, func(until int64) bool { return until <= now })
	return r, err
}

func putInvited(tx *storage.Tx, relay RelayID, r invitedRecord) error {
	key := invitedPrefix + relay.String()
	if len(r.Until) == 0 {
		tx.Delete(key)
		return nil
	}
	value, err := seal.Marshal(r)
	if err == nil {
		tx.Put(key, value)
	}
	return err
}

// countIn counts a code that is being made, in its commit.
func (s *Service) countIn(tx *storage.Tx, relay RelayID, until time.Time) error {
	most := mostInvitations
	if relay.IsZero() {
		most = mostFoundings
	}
	r, err := s.readInvited(tx, relay)
	if err != nil {
		return err
	}
	if len(r.Until) >= most {
		return vault.ErrTooMany
	}
	r.Until = append(r.Until, until.UnixMilli())
	return putInvited(tx, relay, r)
}

// spend ends an invitation in the commit that uses it, or takes it back.
func (s *Service) spend(tx *storage.Tx, key string, i invitationRecord) error {
	deletePassing(tx, key, fromUnixMilli(i.Until))
	if !RelayID(i.Relay).IsZero() {
		deletePassing(tx, labelKey(i.Relay, key), fromUnixMilli(i.Until))
	}
	r, err := s.readInvited(tx, i.Relay)
	if err != nil {
		return err
	}
	if n := slices.Index(r.Until, i.Until); n >= 0 {
		r.Until = slices.Delete(r.Until, n, n+1)
	}
	return putInvited(tx, i.Relay, r)
}

// Invited returns what a code is for. ErrInvitation if it lets nobody ask.
func (s *Service) Invited(ctx context.Context, code string) (Invitation, error) {
	_, i, err := s.invitation(ctx, code)
	if err != nil {
		return Invitation{}, err
	}
	return Invitation{Relay: i.Relay, Roles: i.Roles, Until: time.UnixMilli(i.Until).UTC()}, nil
}

// invitation reads an invitation that can be used now.
func (s *Service) invitation(ctx context.Context, code string) (key string, i invitationRecord, err error) {
	if code, err = readCode("code", code, invitationDigits); err != nil {
		return "", i, err
	}
	key = invitationKey(code)
	rec, err := s.cfg.Store.Get(ctx, key)
	if err != nil {
		return "", i, usedUp(err)
	}
	i, err = s.openInvitation(rec)
	return key, i, err
}

func usedUp(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return ErrInvitation
	}
	return storageError(err)
}

func (s *Service) openInvitation(rec storage.Record) (i invitationRecord, err error) {
	if seal.Unmarshal(rec.Value, &i) != nil || i.Until <= s.now().UnixMilli() {
		return i, ErrInvitation
	}
	return i, nil
}

// use reads an invitation inside the commit that uses it, so that of two at once one
// finds it used.
func (s *Service) use(tx *storage.Tx, key string) (i invitationRecord, err error) {
	rec, err := tx.Get(key)
	if err != nil {
		return i, usedUp(err)
	}
	return s.openInvitation(rec)
}
