package consent

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What a worker asks of a relay, as stored in R/ask/<worker>: boxed to the relay's
// inbox, inside an envelope that the worker's key signs: CBOR of this. It is no more
// than a wish: whose key it is, the manager finds out by comparing.
type askBody struct {
	Key   []byte `cbor:"1,keyasint"`
	Name  string `cbor:"2,keyasint"`
	Roles Role   `cbor:"3,keyasint"`
	At    int64  `cbor:"4,keyasint"` // unix milliseconds
}

func askSigned(worker vault.ID, relay RelayID) seal.Context {
	return seal.Context{Type: seal.TypeNote, Vault: worker, Object: relay[:]}
}

func askBoxed(worker vault.ID, relay RelayID) seal.Context {
	return seal.Context{Type: seal.TypeNote, Vault: relay, Holder: worker[:]}
}

// Ask asks a relay to let this worker in, with a code that a manager of it gave. The
// code is used up by the commit that asks. Read the fingerprint of this worker to the
// manager afterwards ([Worker.Fingerprint]). Asking again, with another code, takes
// the place of before. The worker's own space keeps whom they asked, sealed, by the same
// commit: [Worker.AskedRelays] tells how it stands.
//
// Errors: ErrInvitation; ErrNotNamed, vault.ErrEnded for a relay that is not, or no
// more, in the directory; vault.ErrUntrustedKey; ErrNoSecondFactor, vault.ErrInvalid without a name.
func (w *Worker) Ask(ctx context.Context, code string) (Relay, error) {
	s := w.service
	if err := w.mayWork(ctx); err != nil {
		return Relay{}, err
	}
	key, i, err := s.invitation(ctx, code)
	if err != nil {
		return Relay{}, err
	}
	if RelayID(i.Relay).IsZero() {
		return Relay{}, ErrInvitation // to found one
	}
	relay, err := s.relayHere(ctx, i.Relay)
	if err != nil {
		return Relay{}, err
	}
	to, err := s.cfg.Register.Holder(ctx, relay.ID, nil)
	if err != nil {
		return Relay{}, err
	}
	record, err := w.signAsk(ctx, relay.ID, i.Roles, to.Inbox)
	if err != nil {
		return Relay{}, err
	}
	return relay, w.noteAsked(ctx, relay.ID, func(tx *storage.Tx) error {
		used, err := s.use(tx, key)
		if err != nil {
			return err
		}
		tx.Put(askKey(relay.ID, w.ID()), record)
		return s.spend(tx, key, used)
	})
}

func (w *Worker) signAsk(ctx context.Context, relay RelayID, roles Role, to seal.BoxPublic) ([]byte, error) {
	own, err := w.own.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(askBody{Key: own.Signer.Public(), Name: w.Name(), Roles: roles, At: w.service.now().UnixMilli()})
	if err != nil {
		return nil, err
	}
	signed, err := w.own.SignAs(ctx, askSigned(w.ID(), relay), body)
	if err != nil {
		return nil, err
	}
	return to.Seal(askBoxed(w.ID(), relay), nil, signed)
}

// JoinRequest is somebody who asks to be let in.
type JoinRequest struct {
	Worker vault.ID
	Name   string // as they say
	Roles  Role   // that the invitation proposed
	At     time.Time
	// Fingerprint is that of the key which would be let in. It must be the one that
	// the worker reads aloud from their own screen.
	Fingerprint string

	key []byte
}

// Requests returns who asks to be let in, the oldest first. What is not signed by the
// key of who asks is left out: it is nobody's. Errors: ErrNotManager, and those of
// any act in the relay's space.
func (p *Post) Requests(ctx context.Context) ([]JoinRequest, error) {
	v, err := p.manage(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	own, err := v.OwnKeys(ctx) // also former ones: under which somebody may have asked
	if err != nil {
		return nil, err
	}
	var out []JoinRequest
	for rec, err := range p.service().cfg.Store.All(ctx, askPrefix(p.relay.ID)) {
		if err != nil {
			return nil, storageError(err)
		}
		r, err := p.openAsk(ctx, rec, own.Inboxes)
		if errors.Is(err, vault.ErrTampered) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b JoinRequest) int { return a.At.Compare(b.At) })
	return out, nil
}

func (p *Post) openAsk(ctx context.Context, rec storage.Record, keys []seal.BoxKey) (r JoinRequest, err error) {
	broken := tampered("a request to join")
	id, err := vault.ParseID(strings.TrimPrefix(rec.Key, askPrefix(p.relay.ID)))
	if err != nil {
		return r, broken
	}
	for _, key := range keys {
		_, signed, err := key.Open(askBoxed(id, p.relay.ID), rec.Value)
		if err != nil {
			continue
		}
		_, said, err := seal.ParseClear(signed)
		var a askBody
		if err != nil || seal.Unmarshal(said, &a) != nil {
			return r, broken
		}
		// The key is the one that signs; whose it is, the fingerprint shows.
		if _, err := seal.OpenSigned(a.Key, askSigned(id, p.relay.ID), signed); err != nil || checkWorkerName(a.Name) != nil || a.Roles.check() != nil {
			return r, broken
		}
		now, err := p.service().cfg.Register.worker(ctx, id, a.Key)
		// One that is not as it should be, is not what keeps the others from being seen.
		if errors.Is(err, vault.ErrUntrustedKey) || errors.Is(err, vault.ErrEnded) || errors.Is(err, vault.ErrStale) || errors.Is(err, vault.ErrPolicy) || err == nil && !bytes.Equal(now.Key, a.Key) {
			return r, broken // the space of who asks has another key, or is gone
		}
		return JoinRequest{Worker: id, Name: a.Name, Roles: a.Roles, At: time.UnixMilli(a.At).UTC(), Fingerprint: Fingerprint(RelayKey(a.Key)), key: a.Key}, err
	}
	return r, broken
}

// Admission is a manager's yes.
type Admission struct {
	Worker      vault.ID
	Fingerprint string // as the worker read it aloud, or as it was scanned from their screen
	Roles       Role
}

// Admit lets somebody in who asked. The manager has compared the key: another
// fingerprint is ErrFingerprint. One commit makes them a worker, with their
// credential, and ends the request; a manager gets a key to the whole of the relay's
// space by a second. After a crash between them, Admit again finishes it.
//
// Errors: ErrNotManager, ErrFingerprint, vault.ErrNotFound if nobody of that id asks
// (any more), vault.ErrTooMany, vault.ErrWitnessAway, vault.ErrUnconfirmed (they are
// in).
func (p *Post) Admit(ctx context.Context, a Admission) error {
	if err := a.Roles.check(); err != nil {
		return err
	}
	all, err := p.Requests(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(r JoinRequest) bool { return r.Worker == a.Worker })
	if i < 0 {
		return p.finishAdmission(ctx, a)
	}
	r := all[i]
	if !SameFingerprint(a.Fingerprint, RelayKey(r.key)) {
		return ErrFingerprint // D1: the store put another key in the place of the worker's
	}
	v, err := p.manage(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	return p.seat(ctx, v, newcomer{id: r.Worker, name: r.Name, key: r.key, roles: a.Roles, asked: true})
}

// finishAdmission is Admit for who is in already, as far as they were let in.
func (p *Post) finishAdmission(ctx context.Context, a Admission) error {
	v, err := p.manage(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	seats, err := p.service().seats(ctx, v.Vault)
	if err != nil {
		return err
	}
	one, ok := seatOf(seats, a.Worker)
	if !ok || one.member.Roles != a.Roles {
		return vault.ErrNotFound
	}
	if !SameFingerprint(a.Fingerprint, RelayKey(one.member.Key)) {
		return ErrFingerprint
	}
	if !a.Roles.Has(RoleManage) {
		return nil
	}
	return addHolder(ctx, v.Vault, a.Worker, one.member.Key, vault.Secret{})
}

// newcomer is whom a relay lets in.
type newcomer struct {
	id      vault.ID
	name    string
	key     []byte
	roles   Role
	asked   bool // by a request, which ends with the admission
	founded bool // the relay themselves: once
}

// seat lets somebody in, and ends the memberships that they had before.
func (p *Post) seat(ctx context.Context, v *office, n newcomer) error {
	before, err := p.service().seats(ctx, v.Vault)
	if err != nil {
		return err
	}
	if _, err := p.service().admit(ctx, v.Vault, p.relay, n, vault.Secret{}); err != nil {
		return err
	}
	return p.endSeats(ctx, v, seatsOf(before, n.id), true)
}

// once makes sure, in the commit that lets somebody in, that it is done once: of two
// managers at once, or two processes, one finds it done.
func (n newcomer) once(tx *storage.Tx, relay RelayID) error {
	switch {
	case n.asked:
		_, err := tx.Get(askKey(relay, n.id))
		if errors.Is(err, storage.ErrNotFound) {
			return vault.ErrNotFound
		}
		tx.Delete(askKey(relay, n.id))
		return err
	case n.founded:
		rec, err := tx.Get(memberKey(n.id, relay))
		var m membership
		if err == nil && (seal.Unmarshal(rec.Value, &m) != nil || len(m.Credential) > 0) {
			return vault.ErrRevision
		}
		return err
	}
	return nil
}

// admit makes somebody a worker: credential, grant and the pointer to them in one
// commit; then, for a manager, the key to the whole of the space.
func (s *Service) admit(ctx context.Context, v *vault.Vault, relay Relay, n newcomer, secret vault.Secret) (membership, error) {
	o, err := s.cfg.Directory.Organisation(ctx, relay.Organisation)
	if err != nil {
		return membership{}, err
	}
	c, err := newCredential(ctx, v, relay, o, n.id, n.key, n.name, n.roles, s.now())
	if err != nil {
		return membership{}, err
	}
	facts, err := seal.Marshal(memberFacts{Name: n.name, Credential: c})
	if err != nil {
		return membership{}, err
	}
	m := membership{Credential: c}
	_, err = v.Give(ctx, vault.NewGrant{
		Holder: n.id, Scope: vault.ScopeTeam, Key: n.key, Subject: subject(c), Facts: facts,
		Also: func(tx *storage.Tx, g vault.Grant) error {
			if err := n.once(tx, relay.ID); err != nil {
				return err
			}
			m.Grant = g.ID
			body, err := seal.Marshal(m)
			if err != nil {
				return err
			}
			tx.Put(memberKey(n.id, relay.ID), body)
			return nil
		},
	}, secret)
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return membership{}, err
	}
	// Who is in without the key that they are to have is not all in: that is the answer,
	// and not that the witness has yet to hear of the first half.
	if keyErr := addHolderIf(ctx, v, n, secret); keyErr != nil && !errors.Is(keyErr, vault.ErrUnconfirmed) {
		return m, keyErr
	} else if err == nil {
		err = keyErr
	}
	return m, err
}

// addHolderIf gives a manager the key to the whole of the space.
func addHolderIf(ctx context.Context, v *vault.Vault, n newcomer, secret vault.Secret) error {
	if !n.roles.Has(RoleManage) {
		return nil
	}
	return addHolder(ctx, v, n.id, n.key, secret)
}
