package vault

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// NewGrant is what a person allows to somebody.
type NewGrant struct {
	Holder  ID        // the space of a relay or of a worker, as the directory names it
	Scope   Scope     // what they may
	Until   time.Time // zero: until it is withdrawn
	Visit   bool      // ends with this session, too, and asks for no new keys afterwards
	Items   []ItemID  // not nil: a visit to these alone, as they are now; ScopeSee. For ScopePartner required, shared ones
	Subject []byte    // bound to the terms: at most 64 bytes
	Key     []byte    // the holder's signing key, if it was seen on another way, such as a QR code; nil: the directory's word
	Facts   []byte    // kept with the grant for its person alone, at most 16 kB
	// Note is the key of a record of the holder's that goes when the grant ends, such
	// as a note to them: "<holder>/in/…". Empty: none.
	Note string
	// Also adds writes to the commit, such as that note. It may run several times,
	// and must not read what the vault keeps.
	Also func(tx *storage.Tx, g Grant) error
}

// Give lets somebody in. The person shows their secret again, so that a stolen
// session shares nothing; it is acknowledged only when the witness has the new
// owner head. Whom it is for must be in the directory, now, with a key that
// follows the one seen at the first contact.
//
// Errors: ErrSignIn for a wrong secret, ErrUntrustedKey (D1, D2), ErrEnded if the
// holder is not in the directory any more, ErrTooMany, InvalidError,
// ErrWitnessAway (nothing was changed), ErrUnconfirmed (it is in force).
func (v *Vault) Give(ctx context.Context, n NewGrant, secret Secret) (Grant, error) {
	if err := n.check(v.service.now()); err != nil {
		return Grant{}, err
	}
	if v.service.cfg.Directory == nil {
		return Grant{}, &InvalidError{Field: "holder", Problem: "is not known: this service has no directory"}
	}
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return Grant{}, err
	}
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return Grant{}, err
	}
	return v.give(ctx, n, p)
}

func (n *NewGrant) check(now time.Time) error {
	var problems []error
	bad := func(is bool, field, problem string) {
		if is {
			problems = append(problems, &InvalidError{Field: field, Problem: problem})
		}
	}
	bad(n.Holder.IsZero(), "holder", "is missing")
	bad(!n.Scope.Valid(), "scope", "is none that there is")
	bad(!n.Until.IsZero() && !n.Until.After(now), "until", "has passed already")
	partner := n.Scope == ScopePartner
	bad(n.Items != nil && (n.Scope != ScopeSee || !n.Visit) && !partner, "items", "can be chosen for a visit that only sees")
	bad(partner && (n.Items == nil || n.Until.IsZero() || n.Visit), "items", "are missing, or the time: a partner is given chosen papers until an instant")
	bad(n.Items != nil && len(n.Items) == 0, "items", "names nothing")
	bad(n.Visit && n.Until.IsZero(), "until", "is missing: a visit has an end")
	bad(len(n.Subject) > 64, "subject", "is longer than 64 bytes")
	// What ends with a grant is the holder's, and nothing else of theirs.
	bad(n.Note != "" && (!strings.HasPrefix(n.Note, n.Holder.key("in/")) || len(n.Note) > 200), "note", "is not the key of a note to the holder")
	bad(len(n.Facts) > maxFacts, "facts", "is longer than 16 kB")
	bad(n.Key != nil && seal.CheckPublic(n.Key) != nil, "key", "is no Ed25519 public key")
	return errors.Join(problems...)
}

// give is the commit of Give: terms and keys sealed to the holder, the digest in
// the owner head, the paper, the line.
func (v *Vault) give(ctx context.Context, n NewGrant, p *proof) (Grant, error) {
	for range 2 {
		g, err := v.giveOnce(ctx, n, p)
		if !errors.Is(err, errOtherKeys) {
			return g, v.refused(ctx, n.Holder, err)
		}
	}
	// Twice the directory said what the holder's own head does not say (D1).
	return Grant{}, v.refused(ctx, n.Holder, ErrUntrustedKey)
}

func (v *Vault) giveOnce(ctx context.Context, n NewGrant, p *proof) (Grant, error) {
	keys, pinned, err := v.meet(ctx, n)
	if err != nil {
		return Grant{}, err
	}
	k := &keptGrant{id: newID(), grantPaper: grantPaper{Holder: n.Holder, Pinned: pinned, Visit: n.Visit, Facts: n.Facts, Scope: n.Scope, Until: millis(n.Until), Subject: n.Subject, Note: n.Note}}
	err = v.changeOwner(ctx, func(t *turn) error {
		if err := errors.Join(t.changing(), t.proved(p), t.mayGive(n.Scope)); err != nil {
			return err
		}
		if err := t.room(); err != nil {
			return err
		}
		k.revision, k.Given, k.Items = 0, t.now.UnixMilli(), nil
		if n.Visit && v.session != nil {
			k.Session = v.session.id[:]
		}
		var chosen []chosenItem
		if n.Items != nil {
			if chosen, err = t.choose(n.Items); err != nil {
				return err
			}
			if n.Scope == ScopePartner {
				if k.parts, err = t.forPartner(n.Items); err != nil {
					return err
				}
			}
			for _, c := range chosen {
				k.Items = append(k.Items, c.Item)
			}
		}
		if err := t.issue(k, keys, chosen); err != nil {
			return err
		}
		t.given = append(t.given, k) // the policy names who helps from this commit on
		if k.Until != 0 {
			t.tx.Put(t.v.id.grantDue(k), nil)
		}
		t.note(ActGranted, nil, map[string]string{"grant": k.id.String(), "holder": n.Holder.String()})
		if n.Also == nil {
			return nil
		}
		return n.Also(t.tx, k.public())
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return Grant{}, err
	}
	return k.public(), err
}

// mayGive refuses what makes no sense in this space: everything of a relay is its
// workers' alone, a worker's own space is nobody else's.
func (t *turn) mayGive(scope Scope) error {
	team := scope == ScopeTeam
	if err := t.asOwner(); err != nil {
		return err
	}
	if kind := t.heads.owner.Kind; kind == seal.KindWorker || team != (kind == seal.KindRelay) {
		return &InvalidError{Field: "scope", Problem: "does not belong to this kind of space"}
	}
	return nil
}

// meet asks the directory for the keys of a holder, which must follow the one that
// this vault saw first, and the one that the person was shown (D1, D2).
func (v *Vault) meet(ctx context.Context, n NewGrant) (keys HolderKeys, pinned []byte, err error) {
	known, lost, err := v.pinned(ctx, n.Holder)
	if err != nil {
		return keys, nil, err
	}
	if known == nil && n.Key == nil && lost {
		// The store hides a paper: it may be the one with the key of the first contact.
		return keys, nil, tampered("owner paper")
	}
	if keys, err = v.service.holder(ctx, n.Holder, n.Key); err != nil {
		return keys, nil, err
	}
	if pinned = n.Key; pinned == nil {
		pinned = keys.Key
	}
	if known != nil {
		pinned = known
		keys, err = v.service.holder(ctx, n.Holder, known)
	}
	return keys, pinned, err
}

// pinned is the key of a holder that this vault saw first, nil if it never did.
// lost: some papers cannot be read.
func (v *Vault) pinned(ctx context.Context, holder ID) (key []byte, lost bool, err error) {
	err = v.do(ctx, func(t *turn) error {
		key = nil
		all, err := t.grants()
		for _, k := range all {
			if ID(k.Holder) == holder && key == nil {
				key = k.Pinned
			}
		}
		lost = t.papersLost
		return err
	})
	return key, lost, err
}

// refused leaves a line where the directory names a key that does not follow the
// one that this vault knows (D2).
func (v *Vault) refused(ctx context.Context, holder ID, why error) error {
	if !errors.Is(why, ErrUntrustedKey) {
		return why
	}
	err := v.do(ctx, func(t *turn) error {
		t.note(ActKeyRefused, nil, map[string]string{"holder": holder.String()})
		return nil
	})
	return errors.Join(why, err)
}

// room refuses one grant too many, and forgets the oldest of those that ended.
func (t *turn) room() error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	most := maxGrants
	if t.heads.owner.Kind == seal.KindRelay {
		most = maxMembers
	}
	var ended []*keptGrant
	facts, over := 0, 0
	for _, k := range all {
		if k.Ended == 0 && !k.inForce(t.now) && over < maxOver { // visits of this session, too
			if err := t.end(k, EndedByTime); err != nil {
				return err
			}
			over++
		}
		if k.Ended != 0 {
			ended, facts = append(ended, k), facts+len(k.Facts)
		}
	}
	if len(all)-len(ended) >= most {
		return ErrTooMany
	}
	for len(ended) >= maxEnded || facts > maxEndedFacts {
		if err := t.dropPaper(ended[0].id); err != nil {
			return err
		}
		facts -= len(ended[0].Facts)
		ended = ended[1:]
	}
	return nil
}

// issue makes a grant of what its paper says, in the place of what it was before.
func (t *turn) issue(k *keptGrant, keys HolderKeys, chosen []chosenItem) error {
	if err := t.sameHolder(k, keys); err != nil {
		return err
	}
	t.unlist(k)
	terms := &Terms{Grant: k.id, Holder: k.Holder, Scope: k.Scope, Given: k.Given, Until: k.Until, Subject: k.Subject}
	if (k.Scope == ScopePartner) != (chosen != nil && !k.Visit) { // never the keys of Shared, also when grants are tended
		return ErrNotAllowed
	}
	with := given{chosen: chosen}
	if chosen == nil && k.Scope != ScopeGive && k.Scope != ScopeHelp {
		with.generations = t.sharedGenerations()
		last := len(with.generations) - 1
		k.Held, k.Both = with.generations[last].number, last > 0
	}
	k.Organisation = nil
	if keys.Organisation != [16]byte{} {
		k.Organisation = bytes.Clone(keys.Organisation[:])
	}
	var err error
	if with.halves, err = t.halves(k); err != nil {
		return err
	}
	k.Halves, k.Under = len(with.halves) > 0, nil
	if k.Halves {
		inbox := seal.Digest(keys.Inbox)
		k.Under = inbox[:]
	}
	signed, record, err := sealGrant(t.v.id, terms, with, t.signer, keys.Inbox)
	if err != nil {
		return err
	}
	k.Terms = signed
	digest := seal.Digest(signed)
	t.heads.owner.Grants, t.ownerDirty = append(t.heads.owner.Grants, digest[:]), true
	t.tx.PutUnique(t.v.id.grant(k.id), record)
	return t.keepGrant(k)
}

// sharedGenerations are those that still open something in Shared: the current
// one, and while what lay under the one before is being sealed anew, that too (N8).
func (t *turn) sharedGenerations() []*generation {
	all, since := t.rings[Shared].generations, t.heads.indexes[Shared].Since
	for len(all) > 1 && all[0].number < since {
		all = all[1:]
	}
	return all
}

// sameHolder makes the commit fail if the holder's own head has moved on to other
// keys since the directory was asked (N7), or does not follow the key of the first
// contact, whatever the directory says (D2).
//
// A partner has no space here: its keys are those that the authority signed, and package
// consent holds the directory in the commit ([NewGrant].Also).
func (t *turn) sameHolder(k *keptGrant, keys HolderKeys) error {
	if k.Scope == ScopePartner {
		return nil
	}
	holder := ID(k.Holder)
	rec, err := t.tx.Get(holder.head(Owner))
	if err != nil {
		return missing(err, "the holder's owner head")
	}
	h, err := openOwnerHead(holder, rec.Value)
	if err != nil {
		return err
	}
	inbox, ok := inboxOf(h)
	if !ok || !slices.Equal(inbox, keys.Inbox) || !slices.Equal(h.Key, keys.Key) {
		return errOtherKeys
	}
	if !h.Trusts(k.Pinned) {
		return ErrUntrustedKey
	}
	return nil
}

// inboxOf is where somebody is given keys: a relay in what its workers share, a
// worker in what is theirs alone.
func inboxOf(h *seal.OwnerHead) ([]byte, bool) {
	c := Owner
	if h.Kind == seal.KindRelay {
		c = Shared
	}
	k, ok := keysOf(h, c)
	return k.Inbox, ok && h.Kind != seal.KindPerson
}
