package vault

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Standing says whether somebody may still act: that their relay is in the
// directory, that they are one of its workers, that their session is open. It is
// asked in each commit, and reads through the commit's own transaction, so that
// what ends while an act is in flight ends the act (N7). ErrEnded or
// ErrSessionEnded if they may not.
type Standing func(ctx context.Context, tx *storage.Tx, now time.Time) error

// Guest is somebody who opens a vault that is not theirs, for what its person
// allowed. Package consent makes one of a worker who is signed in.
type Guest struct {
	Actor      Actor           // with name
	Signer     seal.SigningKey // signs what they do
	Credential []byte          // says whose key that is
	Purpose    string          // why, for the journal
	Holder     ID              // the space that the grant is for
	Keys       []seal.BoxKey   // inbox keys of that space, the newest first
	Standing   Standing        // nil: nothing else is asked
	Pinned     []byte          // signing key of the vault at the first contact; nil: this is it
}

func (g *Guest) check() error {
	need := func(ok bool, field string) error {
		if ok {
			return nil
		}
		return &InvalidError{Field: field, Problem: "is missing"}
	}
	return errors.Join(need(g.Actor.Kind != "" && g.Actor.Kind != ActorPerson, "actor"), need(!g.Signer.IsZero(), "signer"),
		need(!g.Holder.IsZero(), "holder"), need(len(g.Keys) > 0, "keys"), checkText("purpose", g.Purpose, MaxText, false))
}

// guest is what a handle holds that was opened through a grant.
type guest struct {
	grant      GrantID
	terms      *Terms
	signed     []byte // the terms as the vault signed them
	digest     []byte // of that, as the owner head names them
	vaultKey   []byte // that signed them
	signer     seal.SigningKey
	credential []byte
	standing   Standing
	chosen     []chosenItem // not nil: a visit to these alone
	halves     []half       // of the ways back in
	link       *openLink    // not nil: who has the code of a link
}

// OpenGrant opens a vault for what a grant allows: Shared, or chosen items of it,
// and nothing else. Every commit checks again that the grant is in force. The
// handle needs no session; open it for one piece of work and close it.
//
// Errors: ErrEnded if the grant is over, also for a handle whose grant was given
// anew with other keys: open it again; ErrUntrustedKey if the vault is not the one
// that was pinned, or not one whose key the witness knows (D4), or if the credential
// is not that of this actor and signer; ErrTampered
// for a grant that the vault did not make for this holder (C4, D3, D6, D8).
//
// Without a pin only the witness vouches for the vault's key. If the server was killed
// before it reported a change of the owner head, this is ErrUntrustedKey until the
// person's own handle is used again, by a sign-in or in a session that they have: it
// reports the head. Nobody else can do it for them, as who has a former key of the
// vault could sign such a head as well.
func (s *Vaults) OpenGrant(ctx context.Context, id ID, grant GrantID, g Guest) (*Vault, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	head, body, err := s.readGrant(ctx, id, grant, &g)
	if err != nil {
		return nil, err
	}
	if err := s.vouch(ctx, head, &g); err != nil {
		return nil, err
	}
	terms, err := verifyTerms(id, grant, g.Holder, head.Key, body.Terms)
	if err != nil {
		return nil, err
	}
	digest := seal.Digest(body.Terms)
	own := &guest{grant: grant, terms: terms, signed: body.Terms, digest: digest[:], vaultKey: head.Key, signer: g.Signer, credential: g.Credential, standing: g.Standing}
	v := &Vault{service: s, id: id, actor: g.Actor, purpose: g.Purpose, guest: own, rings: rings{}}
	if own.halves, err = body.halves(terms); err != nil {
		return nil, err
	}
	switch {
	case terms.Chosen != nil:
		if own.chosen, err = body.items(terms); err != nil {
			return nil, err
		}
	case terms.Scope != ScopeGive && terms.Scope != ScopeHelp:
		if v.rings[Shared], err = body.keys(terms); err != nil {
			return nil, err
		}
	}
	return v, v.stillOpen(ctx)
}

// SignedTerms returns the grant by which this handle was opened, as the vault signed it;
// nothing for who is no guest.
func (v *Vault) SignedTerms() (GrantID, []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guest == nil {
		return GrantID{}, nil
	}
	return v.guest.grant, bytes.Clone(v.guest.signed)
}

// readGrant reads a grant and the head that names it. Both move together: they are
// read again where the head has moved in between, as who was given new keys at this
// moment must not be told that all is over.
func (s *Vaults) readGrant(ctx context.Context, id ID, grant GrantID, g *Guest) (*seal.OwnerHead, *grantBody, error) {
	for range steadyTries {
		head, err := s.trustedHead(ctx, id, g.Pinned)
		if err != nil {
			return nil, nil, err
		}
		rec, err := s.getOrNone(ctx, id.grant(grant))
		if err != nil {
			return nil, nil, err
		}
		if rec.Value == nil {
			return nil, nil, ErrEnded
		}
		body, _, err := openGrant(id, grant, g.Holder, rec.Value, g.Keys)
		if err != nil {
			return nil, nil, err
		}
		digest := seal.Digest(body.Terms)
		if isListed(head, digest[:]) {
			return head, body, nil
		}
		now, err := s.trustedHead(ctx, id, g.Pinned)
		if err != nil {
			return nil, nil, err
		}
		if now.Version == head.Version {
			break
		}
	}
	return nil, nil, ErrEnded // C4: an old one
}

// vouch makes sure that a guest can be told by what they sign. What nobody could
// have signed would spoil the journal and the papers that they touch (G3).
func (s *Vaults) vouch(ctx context.Context, head *seal.OwnerHead, g *Guest) error {
	c := ID(head.Vault).bind(seal.TypeOrigin, 0, 0, nil, 0) // of no item
	by := authors{ctx: ctx, owner: head, directory: s.cfg.Directory, known: s.signatures}
	return by.check(g.Actor, signature{Key: g.Signer.Public(), Bytes: g.Signer.Sign(c, nil), Credential: g.Credential}, c, nil)
}

// trustedHead reads the owner head of a vault for somebody who holds no key of it:
// pinned is the key that they know. Another key is believed only if the pinned one
// named it, in a head that the witness knows: who has a former key of a vault could
// name a successor of their own.
func (s *Vaults) trustedHead(ctx context.Context, id ID, pinned []byte) (*seal.OwnerHead, error) {
	known := s.latest(ctx, id)
	rec, err := s.cfg.Store.Get(ctx, id.head(Owner))
	if isNotFound(err) {
		return nil, ErrEnded
	}
	if err != nil {
		return nil, storageError(err)
	}
	h, err := s.signatures.ownerHead(id, rec.Value)
	if err != nil {
		return nil, err
	}
	seen := &heads{owner: h, raw: map[Compartment][]byte{Owner: rec.Value}}
	if err := seen.compareOwner(known.heads); err != nil {
		return nil, err
	}
	if h.Erased != 0 {
		return nil, ErrEnded
	}
	if pinned != nil && !h.Trusts(pinned) {
		return nil, ErrUntrustedKey // D4
	}
	if pinned == nil || !slices.Equal(h.Key, pinned) {
		mark, ok := known.told[headOwner]
		if now := seen.checkpointOwner(); !ok || later(now, mark) {
			// Ask the witness itself: what this process saw is not enough.
			if err := s.askFor(ctx, id, now); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

// askFor asks the witness until it knows a head. A report of it may be on its way,
// from this process or from another.
func (s *Vaults) askFor(ctx context.Context, id ID, now Checkpoint) error {
	for try := range askTries {
		told, err := s.ask(ctx, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(told, func(c Checkpoint) bool { return c.Head == headOwner })
		if i >= 0 && !later(now, told[i]) {
			return compareOne(now, map[string]Checkpoint{headOwner: told[i]})
		}
		s.reporter.flush()
		if try == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askPause):
		}
	}
	return fmt.Errorf("%w: the witness does not know it yet", ErrUntrustedKey)
}

const (
	askTries = 4
	askPause = 100 * time.Millisecond
)

func (h *heads) checkpointOwner() Checkpoint {
	return Checkpoint{Head: headOwner, Restore: h.owner.Restore, Version: h.owner.Version, Hash: seal.Digest(h.raw[Owner])}
}

func (h *heads) compareOwner(marks map[string]Checkpoint) error {
	return compareOne(h.checkpointOwner(), marks)
}

// begin reads and verifies what a guest reaches, and that they still may.
func (g *guest) begin(ctx context.Context, v *Vault, tx *storage.Tx, known view, now time.Time) (*turn, error) {
	raw, err := readRawHeads(tx, v.id)
	if err != nil {
		return nil, err
	}
	h := &heads{indexes: map[Compartment]*index{}, raw: map[Compartment][]byte{Owner: raw[Owner], 0: raw[0], stopPlace: raw[stopPlace], usesPlace: raw[usesPlace]}}
	if h.owner, err = v.service.signatures.ownerHead(v.id, raw[Owner]); err != nil {
		return nil, err
	}
	if err := h.compareOwner(known.heads); err != nil {
		return nil, err
	}
	if err := g.admit(tx, v.id, h.owner, now); err != nil {
		return nil, err
	}
	stop := h.unopenedStop(known)
	if stop > h.owner.Stop && v.isVisitor() { // a session that is over has let them in
		return nil, ErrEnded
	}
	if g.standing != nil {
		if err := g.standing(ctx, tx, now); err != nil {
			return nil, err
		}
	}
	if err := h.open(v.id, raw, v.rings, v.service.signatures); err != nil {
		return nil, err
	}
	if err := h.compare(known.heads); err != nil {
		return nil, err
	}
	if !slices.Equal(h.owner.Service, v.service.keys.signer.Public()) {
		return nil, fmt.Errorf("%w: these are not the service keys of this vault", ErrKeyService)
	}
	t := v.newTurn(ctx, tx, known, now, h)
	t.stop = stop
	return t, nil
}

// admit says whether the grant is in force now, by the head that this very commit
// is checked against.
func (g *guest) admit(tx *storage.Tx, id ID, owner *seal.OwnerHead, now time.Time) error {
	if !isListed(owner, g.digest) || owner.Erased != 0 || !slices.Equal(owner.Key, g.vaultKey) {
		return ErrEnded
	}
	if g.terms.Until != 0 && !now.Before(time.UnixMilli(g.terms.Until)) {
		return ErrEnded
	}
	if owner.Closing != 0 {
		return ErrClosing
	}
	if g.link != nil {
		return g.link.admit(tx, id, owner)
	}
	// Who cannot sign the owner head ends a grant by deleting its record: the relay
	// that gives it up, the sweeper when its time is over.
	if _, err := tx.Get(id.grant(g.grant)); isNotFound(err) {
		return ErrEnded
	} else if err != nil {
		return err
	}
	return nil
}

// Standing is what must be true for somebody who acts elsewhere through this handle:
// that it is still open. A worker who opens a person's vault through their relay's
// space stands by that handle, and it by theirs; so one commit checks the whole
// chain. Errors as those of any act of this handle.
func (v *Vault) Standing() Standing {
	return func(ctx context.Context, tx *storage.Tx, _ time.Time) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.closed {
			return ErrClosed
		}
		_, err := v.begin(ctx, tx, v.service.latest(ctx, v.id))
		return err
	}
}

// Terms returns what a grant says that opened this handle, nil for who holds Owner's
// keys. The vault signed them; they are what was in force when it was opened.
func (v *Vault) Terms() *Terms {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guest == nil {
		return nil
	}
	t := *v.guest.terms
	return &t
}

// asOwner refuses what only who holds Owner's keys may do.
func (t *turn) asOwner() error {
	if t.v.guest != nil {
		return ErrNotAllowed
	}
	return nil
}

// mayAdd refuses a guest who may only see.
func (t *turn) mayAdd() error {
	if g := t.v.guest; g != nil && (g.chosen != nil || g.terms.Scope != ScopeAdd && g.terms.Scope != ScopeTeam) {
		return ErrNotAllowed
	}
	return nil
}

// mayRemove refuses a guest in a person's vault: what was added, only the person
// takes away.
func (t *turn) mayRemove() error {
	if g := t.v.guest; g != nil && (g.chosen != nil || g.terms.Scope != ScopeTeam) {
		return ErrNotAllowed
	}
	return nil
}

// Rewrap seals a grant anew for a holder whose key has changed: to, the newest of
// keys. The person's terms stay as they are. It changes nothing, and is false, if
// the newest key opens the record already. ErrEnded if there is no such grant, or who
// does it may not any more.
func (s *Vaults) Rewrap(ctx context.Context, id ID, grant GrantID, g Guest) (done bool, err error) {
	if err := g.check(); err != nil {
		return false, err
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		done = false
		if g.Standing != nil { // or somebody who goes takes the grant with them
			if err := g.Standing(ctx, tx, s.now()); err != nil {
				return err
			}
		}
		rec, err := tx.Get(id.grant(grant))
		if isNotFound(err) {
			return ErrEnded
		}
		if err != nil {
			return err
		}
		body, key, err := openGrant(id, grant, g.Holder, rec.Value, g.Keys)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(key.Bytes(), g.Keys[0].Bytes()) == 1 {
			return nil
		}
		plain, err := seal.Marshal(body)
		if err != nil {
			return err
		}
		record, err := g.Keys[0].Public().Seal(id.grantContext(grant, g.Holder), nil, plain)
		if err != nil {
			return err
		}
		tx.PutUnique(id.grant(grant), record)
		done = true
		return nil
	})
	return done, storageError(err)
}
