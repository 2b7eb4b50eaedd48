package vault

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A held keyslot opens a space to somebody by the keys of their own space: it is
// how the managers of a relay open it, each with their own secret. Its roots are
// boxed to the holder's inbox; around them lies the wrapping key, as around every
// keyslot. A person's vault has none: only persons open it.
type held struct {
	guest Guest
}

func (id ID) heldContext(c Compartment, slot [16]byte, holder ID) seal.Context {
	k := id.rootContext(c, slot)
	k.Holder = holder[:]
	return k
}

func (v *Vault) sealHeldSlot(wrapping seal.Key, holder ID, pinned []byte, to seal.BoxPublic, roots map[Compartment]root) (seal.SlotEntry, []byte, error) {
	entry := seal.SlotEntry{ID: newID(), Kind: slotHeld, State: slotActive}
	body := slotBody{Kind: slotHeld, KDF: seal.NewKDF(), Holder: holder[:], Pinned: pinned}
	for _, c := range compartments {
		envelope, err := to.Seal(v.id.heldContext(c, entry.ID, holder), nil, roots[c].Bytes())
		if err != nil {
			return entry, nil, err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	raw, err := seal.Marshal(body)
	if err != nil {
		return entry, nil, err
	}
	record, err := wrapping.Seal(v.id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0), nil, raw)
	if err != nil {
		return entry, nil, err
	}
	digest := seal.Digest(record)
	entry.Digest = digest[:]
	return entry, record, nil
}

// OpenHeld opens a space through a held keyslot, with all its compartments: a
// manager opens their relay. The handle acts as g's actor and signs with the
// space's own key. It needs no session; open it for one piece of work and close it.
//
// Errors: ErrEnded if the space has no keyslot for this holder (any more),
// ErrWitnessAway: what opens everything is not opened against a state that may be
// old; ErrKeyService, ErrTampered, ErrStale, ErrStorage.
func (s *Vaults) OpenHeld(ctx context.Context, id ID, g Guest) (*Vault, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	check, p, err := s.proveHeld(ctx, id, &g)
	if err != nil {
		return nil, err
	}
	v, err := s.open(ctx, check, p.roots)
	if err != nil {
		return nil, err
	}
	v.actor, v.purpose, v.standing, v.held, v.loginRecord = g.Actor, g.Purpose, g.Standing, &held{guest: g}, ""
	if err := v.stillOpen(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// proveHeld opens the roots of a held keyslot. There is nothing to guess in it, so
// that nothing is counted.
func (s *Vaults) proveHeld(ctx context.Context, id ID, g *Guest) (*secretCheck, *proof, error) {
	known, err := s.ask(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	p := &proof{marks: map[string]Checkpoint{}}
	for _, h := range known {
		p.marks[h.Head] = h
	}
	check := &secretCheck{id: id}
	if err := s.load(ctx, check, p.marks); err != nil {
		return nil, nil, err
	}
	if check.refused != nil {
		return nil, nil, check.refused
	}
	raw, err := unkeep(ctx, s.cfg.Keeper, id.wrappingContext(), check.wrapping)
	if err != nil {
		return nil, nil, err
	}
	if p.wrapping, err = seal.KeyFromBytes(raw); err != nil {
		return nil, nil, tampered("wrapping key")
	}
	entry, body, err := check.heldSlot(p.wrapping, g.Holder)
	if err != nil {
		return nil, nil, err
	}
	p.roots, err = body.openHeld(id, entry.ID, g)
	return check, p, err
}

// heldSlot finds the keyslot of a holder among those that the owner head names.
func (check *secretCheck) heldSlot(wrapping seal.Key, holder ID) (entry seal.SlotEntry, body slotBody, err error) {
	for _, entry = range check.owner.Slots {
		if entry.Kind != slotHeld || entry.State != slotActive {
			continue
		}
		i := slices.IndexFunc(check.slots, func(r storage.Record) bool { return r.Key == check.id.slot(entry.ID) })
		if i < 0 {
			return entry, body, tampered("keyslot")
		}
		if body, err = openSlotBody(check.id, entry, check.slots[i].Value, wrapping); err != nil {
			return entry, body, err
		}
		if slices.Equal(body.Holder, holder[:]) {
			return entry, body, nil
		}
	}
	return entry, body, ErrEnded
}

func (b slotBody) openHeld(id ID, slot [16]byte, g *Guest) (map[Compartment]root, error) {
	roots := map[Compartment]root{}
	for _, r := range b.Roots {
		c := Compartment(r.Compartment)
		opened := false
		for _, key := range g.Keys {
			_, raw, err := key.Open(id.heldContext(c, slot, g.Holder), r.Envelope)
			if err != nil {
				continue
			}
			if roots[c], err = seal.KeyFromBytes(raw); err != nil {
				return nil, tampered("keyslot")
			}
			opened = true
			break
		}
		if !opened {
			return nil, tampered("keyslot")
		}
	}
	return roots, nil
}

// rootsAgain opens the roots once more, for an act that needs them: by the secret,
// or where a held keyslot opened this handle, by that.
func (v *Vault) rootsAgain(ctx context.Context, secret Secret) (*proof, error) {
	v.mu.Lock()
	h := v.held
	v.mu.Unlock()
	if h == nil {
		return v.confirm(ctx, secret)
	}
	_, p, err := v.service.proveHeld(ctx, v.id, &h.guest)
	return p, err
}

// AddHolder lets somebody open this space with all its compartments, by the keys of
// their own space. It is for the managers of a relay: InvalidError for a person's
// vault, which only its person opens. key is the holder's signing key as it was seen
// on another way, nil if only the directory says it. secret is not asked of who
// opened this through a held keyslot. Errors as those of [Vault.Give].
func (v *Vault) AddHolder(ctx context.Context, holder ID, key []byte, secret Secret) error {
	if v.service.cfg.Directory == nil {
		return &InvalidError{Field: "holder", Problem: "is not known: this service has no directory"}
	}
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return err
	}
	keys, err := v.service.cfg.Directory.Holder(ctx, holder, key)
	if err != nil {
		return err
	}
	entry, record, err := v.sealHeldSlot(p.wrapping, holder, keys.Key, keys.Inbox, p.roots)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if t.heads.owner.Kind != seal.KindRelay {
			return &InvalidError{Field: "holder", Problem: "cannot be let into everything: only its person opens this space"}
		}
		if err := t.sameHolder(holder, keys); err != nil {
			return err
		}
		if len(t.heads.owner.Slots) >= maxSlots {
			return ErrTooMany
		}
		t.heads.owner.Slots = append(slices.Clone(t.heads.owner.Slots), entry)
		t.tx.PutUnique(v.id.slot(entry.ID), record)
		t.note(ActHolderAdded, nil, map[string]string{"holder": holder.String()})
		return nil
	})
}

// RemoveHolder takes the keys of the whole space from somebody: new roots, new
// generations, a new signing key, and new keyslots for those who stay. The password
// is a new one, too: for a relay the code of its new recovery sheet.
func (v *Vault) RemoveHolder(ctx context.Context, holder ID, secret Secret, password string) error {
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return err
	}
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return err
	}
	next, err := newPassword(password, login)
	if err != nil {
		return err
	}
	return v.changeRootsWithout(ctx, p.wrapping, next, &holder)
}

// Holders returns who else opens this space with all its compartments.
func (v *Vault) Holders(ctx context.Context, secret Secret) (out []ID, err error) {
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return nil, err
	}
	err = v.do(ctx, func(t *turn) error {
		out = nil
		all, err := t.heldSlots(p.wrapping)
		for _, b := range all {
			out = append(out, ID(b.Holder))
		}
		return err
	})
	return out, err
}

func (t *turn) heldSlots(wrapping seal.Key) (out []slotBody, err error) {
	for _, entry := range t.heads.owner.Slots {
		if entry.Kind != slotHeld {
			continue
		}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil {
			return nil, missing(err, "keyslot")
		}
		b, err := openSlotBody(t.v.id, entry, rec.Value, wrapping)
		if err != nil || len(b.Holder) != 16 {
			return nil, errors.Join(tampered("keyslot"), err)
		}
		out = append(out, b)
	}
	return out, nil
}

// renewHeld seals new roots to everybody who stays, in the commit that adopts them.
// Who is not in the directory any more, or has another key than one that follows,
// does not.
func (v *Vault) renewHeld(ctx context.Context, wrapping seal.Key, roots map[Compartment]root, without *ID) (func(t *turn) error, error) {
	var bodies []slotBody
	err := v.do(ctx, func(t *turn) (err error) {
		bodies, err = t.heldSlots(wrapping)
		return err
	})
	if err != nil {
		return nil, err
	}
	type fresh struct {
		entry  seal.SlotEntry
		record []byte
	}
	var all []fresh
	for _, b := range bodies {
		holder := ID(b.Holder)
		if without != nil && holder == *without {
			continue
		}
		keys, err := v.service.cfg.Directory.Holder(ctx, holder, b.Pinned)
		if errors.Is(err, ErrEnded) || errors.Is(err, ErrUntrustedKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entry, record, err := v.sealHeldSlot(wrapping, holder, b.Pinned, keys.Inbox, roots)
		if err != nil {
			return nil, err
		}
		all = append(all, fresh{entry, record})
	}
	return func(t *turn) error {
		now, err := t.heldSlots(wrapping)
		if err != nil {
			return err
		}
		if len(now) != len(bodies) {
			return ErrRevision
		}
		owner := t.heads.owner
		owner.Slots = slices.DeleteFunc(slices.Clone(owner.Slots), func(e seal.SlotEntry) bool {
			if e.Kind == slotHeld {
				t.tx.Delete(v.id.slot(e.ID))
			}
			return e.Kind == slotHeld
		})
		for _, f := range all {
			owner.Slots = append(owner.Slots, f.entry)
			t.tx.PutUnique(v.id.slot(f.entry.ID), f.record)
		}
		return nil
	}, nil
}
