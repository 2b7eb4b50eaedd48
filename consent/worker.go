package consent

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Worker is somebody who works for relays, signed in: their own space is open. One
// may work for several relays. Safe for many goroutines.
type Worker struct {
	service *Service
	own     *vault.Vault

	mu   sync.Mutex
	name string
}

// Own is the worker's own space: sessions, password, second factor, their own
// journal, sign-out. Before its keys are changed ask [Worker.OnlyManagerOf].
func (w *Worker) Own() *vault.Vault { return w.own }

// ID is the id of the worker's own space. It is no secret.
func (w *Worker) ID() vault.ID { return w.own.ID() }

// Name is what people are told of who opened their space; "" until [Worker.Introduce].
func (w *Worker) Name() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.name
}

func (w *Worker) call(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.name = name
}

// Close forgets the keys. A session goes on: Resume opens it again.
func (w *Worker) Close() { w.own.Close() }

// Introduce keeps the worker's name in their own space. A relay has signed the name
// that it let in: after a change the worker asks it once more ([Worker.Ask]), and is
// let in again in the place of before. vault.ErrInvalid.
func (w *Worker) Introduce(ctx context.Context, name string) error {
	name = cleanText(name)
	if err := checkWorkerName(name); err != nil {
		return err
	}
	data, err := formProfile.pack(profile{Name: name})
	if err != nil {
		return err
	}
	was, err := findData(ctx, w.own, formProfile, nil)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		_, err = w.own.AddData(ctx, profileName, data, vault.Place{Compartment: vault.Private})
	case err == nil:
		_, err = w.own.Edit(ctx, was.ID, was.Revision, vault.Edit{Data: &data})
	}
	if err != nil {
		return err
	}
	w.call(name)
	keep(w.service, w.service.names, w.ID(), name)
	return nil
}

// Fingerprint is the worker's key as it is read aloud to the manager who lets them
// in: 24 digits.
func (w *Worker) Fingerprint(ctx context.Context) (string, error) {
	keys, err := w.own.OwnKeys(ctx)
	if err != nil {
		return "", err
	}
	return Fingerprint(RelayKey(keys.Signer.Public())), nil
}

// mayWork refuses who has no name, or signs in with a password alone.
func (w *Worker) mayWork(ctx context.Context) error {
	if err := checkWorkerName(w.Name()); err != nil {
		return err
	}
	if w.service.cfg.OneFactor {
		return nil
	}
	has, err := w.own.HasSecondFactor(ctx)
	if err == nil && !has {
		err = ErrNoSecondFactor
	}
	return err
}

// membership is what a worker's space keeps of a relay. It is a pointer only: what
// counts are the terms in the relay's head, which name the credential.
type membership struct {
	Grant      [16]byte `cbor:"1,keyasint,omitempty"`
	Credential []byte   `cbor:"2,keyasint,omitempty"` // nil: a relay that the worker founded, and that is not in the directory yet
}

// Membership is a relay for which somebody works.
type Membership struct {
	Relay Relay // only its ID while Founded
	Roles Role
	// Founded: the worker founded the relay, and the authority has not signed it yet.
	Founded bool
	// Withdrawn: the authority has taken the relay out of the directory.
	Withdrawn bool
}

// Relays returns the relays for which the worker works, as their own space says;
// [Worker.At] tells whether that is still so. What the store altered is named by
// vault.ErrTampered, next to the others: one relay must not hide the rest.
func (w *Worker) Relays(ctx context.Context) (out []Membership, err error) {
	s := w.service
	prefix := memberPrefix(w.ID())
	var altered error
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		id, err := ParseRelayID(strings.TrimPrefix(rec.Key, prefix))
		if err != nil {
			altered = tampered("membership")
			continue
		}
		relay, err := s.cfg.Directory.Relay(ctx, id)
		if errors.Is(err, ErrNotNamed) || errors.Is(err, ErrNoDirectory) {
			out = append(out, Membership{Relay: Relay{ID: id}, Roles: RoleHelp | RoleManage, Founded: true})
			continue
		}
		if err != nil {
			return nil, err
		}
		m := Membership{Relay: relay, Withdrawn: relay.Withdrawn != "", Roles: RoleHelp | RoleManage}
		var kept membership
		if seal.Unmarshal(rec.Value, &kept) != nil {
			altered = tampered("membership")
			continue
		}
		if len(kept.Credential) > 0 {
			member, err := s.cfg.Register.Member(ctx, kept.Credential)
			switch {
			case errors.Is(err, vault.ErrUntrustedKey), errors.Is(err, vault.ErrEnded), errors.Is(err, vault.ErrTampered),
				errors.Is(err, vault.ErrStale), errors.Is(err, vault.ErrPolicy):
				altered = tampered("membership")
				continue
			case err != nil:
				return nil, err
			case member.Relay != id || member.Worker != w.ID(): // D8
				altered = tampered("membership")
				continue
			}
			m.Roles = member.Roles
		}
		out = append(out, m)
	}
	return out, altered
}

func (w *Worker) membership(ctx context.Context, relay RelayID) (m membership, err error) {
	rec, err := w.service.cfg.Store.Get(ctx, memberKey(w.ID(), relay))
	if errors.Is(err, storage.ErrNotFound) {
		return m, ErrNotMember
	}
	if err != nil {
		return m, storageError(err)
	}
	if seal.Unmarshal(rec.Value, &m) != nil {
		return m, tampered("membership")
	}
	return m, nil
}

// Post is a worker at one relay: the relay's space, opened as this worker. It ends
// when the worker's session ends, when the relay takes them out, and when its keys
// change: open it for one piece of work, with [Worker.At], and close it.
type Post struct {
	worker     *Worker
	relay      Relay
	member     Member
	credential []byte
	name       string // of the worker, as the relay let it in
	grant      vault.GrantID
	space      *vault.Vault
	keys       vault.OwnKeys
	called     string
}

// At opens the space of a relay as this worker. Where the keys of the relay have
// changed, what it was given is sealed to the new ones first.
//
// Errors: ErrNotMember; vault.ErrEnded for who was taken out, suspended, or whose
// relay was withdrawn; ErrNotNamed for a relay that the authority has not signed yet;
// ErrNoSecondFactor; ErrKeyChanged; vault.ErrTampered (C4, D8: a membership that is not this worker's,
// or of before).
func (w *Worker) At(ctx context.Context, relay RelayID) (*Post, error) {
	p, err := w.post(ctx, relay)
	if err != nil {
		return nil, err
	}
	if err := p.payOwed(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// post is At without what is owed. After a change of keys whose report to the witness
// was lost in a crash, nobody would believe the relay's head again: a manager, whose
// own keys prove it, has it reported once more. A head that somebody made up the
// witness does not take from them either.
func (w *Worker) post(ctx context.Context, id RelayID) (*Post, error) {
	p, err := w.tryPost(ctx, id)
	if (errors.Is(err, vault.ErrUntrustedKey) || errors.Is(err, vault.ErrStale)) && w.reports(ctx, id) {
		return w.tryPost(ctx, id)
	}
	return p, err
}

// reports opens the whole of a relay's space, which tells the witness of its head. It
// is false for who holds no key to it.
func (w *Worker) reports(ctx context.Context, id RelayID) bool {
	relay, err := w.service.relayHere(ctx, id)
	if err != nil {
		return false
	}
	actor := vault.Actor{Kind: vault.ActorWorker, ID: w.ID().String(), Name: w.name, Relay: relay.Name, RelayID: id.String()}
	v, err := w.openHeld(ctx, relay, actor, w.standing(id))
	if err != nil {
		return false
	}
	v.Close()
	return true
}

func (w *Worker) tryPost(ctx context.Context, id RelayID) (*Post, error) {
	s := w.service
	if err := w.mayWork(ctx); err != nil {
		return nil, err
	}
	m, err := w.membership(ctx, id)
	if err != nil {
		return nil, err
	}
	relay, err := s.relayHere(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(m.Credential) == 0 {
		if m, err = w.takeUp(ctx, relay); err != nil {
			return nil, err
		}
	}
	member, err := s.cfg.Register.Member(ctx, m.Credential)
	if err != nil {
		return nil, err
	}
	if member.Relay != id || member.Worker != w.ID() {
		return nil, tampered("membership") // D8, or the credential of another relay
	}
	name := w.Name()
	if !member.Named(name) { // changed, perhaps in another process
		if name, err = s.readName(ctx, w.own); err != nil {
			return nil, err
		}
		w.call(name)
	}
	own, err := w.own.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	if !member.Named(name) || !bytes.Equal(member.Key, own.Signer.Public()) {
		return nil, ErrKeyChanged
	}
	p := &Post{worker: w, relay: relay, member: member, credential: m.Credential, name: name, grant: m.Grant}
	return p, p.open(ctx, own)
}

// open opens the relay's space, whose head says that the membership is in force, and
// by which credential: neither an old record nor an old credential is taken (C4).
func (p *Post) open(ctx context.Context, own vault.OwnKeys) error {
	s := p.worker.service
	space, err := s.cfg.Vaults.OpenGrant(ctx, p.relay.ID, p.grant, vault.Guest{
		Actor: p.actor(), Signer: own.Signer, Credential: p.credential, Holder: p.worker.ID(), Keys: own.Inboxes,
		Standing: p.worker.standing(p.relay.ID), Pinned: p.relay.Key[:],
	})
	if err != nil {
		return err
	}
	terms := space.Terms()
	if terms.Scope != vault.ScopeTeam || !bytes.Equal(terms.Subject, subject(p.credential)) {
		space.Close()
		return tampered("membership")
	}
	if p.keys, err = space.OwnKeys(ctx); err != nil {
		space.Close()
		return err
	}
	p.keys.Signer = own.Signer
	p.space = space
	return nil
}
