package consent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// An invitation is a code that lets somebody ask. It opens nothing: a relay that is
// founded with one is none until the authority signs it, and who asks a relay is let
// in by a manager, who compares their key. So the store gains nothing by making one
// up. As stored, svc/invitation/<digest of the code>: CBOR of this. It can be used
// once: the commit that uses it deletes it.
type invitationRecord struct {
	Relay [16]byte `cbor:"1,keyasint,omitempty"` // zero: to found one
	Roles Role     `cbor:"2,keyasint,omitempty"`
	Until int64    `cbor:"3,keyasint"`           // unix milliseconds
	Taken [16]byte `cbor:"4,keyasint,omitempty"` // founding: the worker who has begun
}

// Invitation is a code to hand over, on paper or aloud. It is shown once.
type Invitation struct {
	Code  string
	Relay RelayID // zero: to found one
	Roles Role
	Until time.Time
}

const invitationPrefix = "svc/invitation/"

func invitationKey(code string) string {
	sum := sha256.Sum256([]byte("reconnect invitation " + code))
	return invitationPrefix + hex.EncodeToString(sum[:])
}

// InviteManager makes a code with which somebody can found one relay, for the
// operator to hand over.
func (s *Service) InviteManager(ctx context.Context) (Invitation, error) {
	return s.invite(ctx, Invitation{Roles: RoleHelp | RoleManage})
}

// Invite makes a code with which one worker can ask to join this relay. The roles are
// a proposal; who admits decides. Errors: ErrNotManager, vault.ErrInvalid.
func (p *Post) Invite(ctx context.Context, roles Role) (Invitation, error) {
	if err := roles.check(); err != nil {
		return Invitation{}, err
	}
	if err := p.mayManage(ctx); err != nil {
		return Invitation{}, err
	}
	return p.service().invite(ctx, Invitation{Relay: p.relay.ID, Roles: roles})
}

func (s *Service) invite(ctx context.Context, i Invitation) (Invitation, error) {
	if err := s.sweepInvitations(ctx); err != nil {
		return Invitation{}, err
	}
	var err error
	if i.Code, err = newCode(invitationDigits); err != nil {
		return Invitation{}, err
	}
	i.Until = s.now().Add(s.cfg.InvitationsLast)
	body, err := seal.Marshal(invitationRecord{Relay: i.Relay, Roles: i.Roles, Until: i.Until.UnixMilli()})
	if err != nil {
		return Invitation{}, err
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if _, err := tx.Get(invitationKey(i.Code)); !errors.Is(err, storage.ErrNotFound) {
			return errors.Join(vault.ErrStorage, err) // fourteen random digits met twice
		}
		tx.Put(invitationKey(i.Code), body)
		return nil
	})
	return i, storageError(err)
}

// sweepInvitations deletes those whose time is up. There are few at a time.
func (s *Service) sweepInvitations(ctx context.Context) error {
	var over []string
	for rec, err := range s.cfg.Store.All(ctx, invitationPrefix) {
		if err != nil {
			return storageError(err)
		}
		var i invitationRecord
		if seal.Unmarshal(rec.Value, &i) != nil || i.Until <= s.now().UnixMilli() {
			over = append(over, rec.Key)
		}
	}
	for _, key := range over {
		if err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error { tx.Delete(key); return nil }); err != nil {
			return storageError(err)
		}
	}
	return nil
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
