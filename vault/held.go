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
	body := slotBody{Kind: slotHeld, Holder: holder[:], Pinned: pinned}
	for _, c := range compartments {
		envelope, err := to.Seal(v.id.heldContext(c, entry.ID, holder), nil, roots[c].Bytes())
		if err != nil {
			return entry, nil, err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	return v.id.sealSlotBody(entry, body, wrapping)
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
	if err := v.acceptRestore(ctx, p, check); err != nil {
		return nil, err
	}
	if err := v.stillOpen(ctx); err != nil {
		return nil, err
	}
	// Nobody signs in to the space of a relay for years: what is owed is paid here,
	// and what was broken off goes on. If it cannot, then the next time.
	_ = v.payGrants(ctx, p)
	return v, nil
}

// proveHeld opens the roots of a held keyslot. There is nothing to guess in it, so
// that nothing is counted.
func (s *Vaults) proveHeld(ctx context.Context, id ID, g *Guest) (*secretCheck, *proof, error) {
	check, p := &secretCheck{id: id}, &proof{}
	if err := s.compare(ctx, check, p); err != nil {
		return nil, nil, err
	}
	if p.away {
		return nil, nil, ErrWitnessAway
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

// heldSlot finds the keyslot of a holder among those that the owner head names. One
// that was altered stops nobody but whose it is.
func (check *secretCheck) heldSlot(wrapping seal.Key, holder ID) (entry seal.SlotEntry, body slotBody, err error) {
	none := ErrEnded
	for _, entry = range check.owner.Slots {
		if entry.Kind != slotHeld || entry.State != slotActive {
			continue
		}
		i := slices.IndexFunc(check.slots, func(r storage.Record) bool { return r.Key == check.id.slot(entry.ID) })
		if i < 0 {
			none = tampered("keyslot")
			continue
		}
		if body, err = openSlotBody(check.id, entry, check.slots[i].Value, wrapping); err != nil {
			none = err
			continue
		}
		if slices.Equal(body.Holder, holder[:]) {
			return entry, body, nil
		}
	}
	return entry, body, none
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
// their own space, in the place of an earlier keyslot of theirs. It is for the
// managers of a relay: InvalidError for any other space, which only its holder
// opens. key is the holder's signing key as it was seen on another way, nil if only
// the directory says it. secret is not asked of who opened this through a held
// keyslot. Errors as those of [Vault.Give].
func (v *Vault) AddHolder(ctx context.Context, holder ID, key []byte, secret Secret) error {
	if v.service.cfg.Directory == nil {
		return &InvalidError{Field: "holder", Problem: "is not known: this service has no directory"}
	}
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return err
	}
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return err
	}
	keys, err := v.service.holder(ctx, holder, key)
	if err != nil {
		return err
	}
	pinned := key
	if pinned == nil {
		pinned = keys.Key
	}
	entry, record, err := v.sealHeldSlot(p.wrapping, holder, pinned, keys.Inbox, p.roots)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		if t.heads.owner.Kind != seal.KindRelay {
			return &InvalidError{Field: "holder", Problem: "cannot be let into everything: only its person opens this space"}
		}
		if err := t.proved(p); err != nil {
			return err
		}
		if err := t.sameHolder(&keptGrant{grantPaper: grantPaper{Holder: holder, Pinned: pinned}}, keys); err != nil {
			return err
		}
		all, err := t.heldSlots(p.wrapping)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.holds(holder) {
				t.dropSlot(s.entry)
			}
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
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := v.service.ask(ctx, v.id); err != nil { // before anything is written (N11)
		return err
	}
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return err
	}
	next, err := newPassword(password, login)
	if err != nil {
		return err
	}
	return v.changeRoots(ctx, p, rootsChange{password: next, without: &holder})
}

// Holders returns who else opens this space with all its compartments. If the store
// altered a keyslot, the others are returned together with ErrTampered.
func (v *Vault) Holders(ctx context.Context, secret Secret) (out []ID, err error) {
	p, err := v.rootsAgain(ctx, secret)
	if err != nil {
		return nil, err
	}
	altered := false
	err = v.do(ctx, func(t *turn) error {
		out, altered = nil, false
		all, err := t.heldSlots(p.wrapping)
		for _, s := range all {
			if altered = altered || s.altered; !s.altered {
				out = append(out, ID(s.body.Holder))
			}
		}
		return err
	})
	if err == nil && altered {
		err = tampered("keyslot")
	}
	return out, err
}

// HeldBy counts the held keyslots that the signed head of a space names: of a relay,
// one for each of its managers. It takes no key.
func HeldBy(head *seal.OwnerHead) (n int) {
	for _, entry := range head.Slots {
		if entry.Kind == slotHeld && entry.State == slotActive {
			n++
		}
	}
	return n
}

// storedSlot is a held keyslot as the store has it.
type storedSlot struct {
	entry   seal.SlotEntry
	body    slotBody
	altered bool
}

func (s storedSlot) holds(holder ID) bool {
	return !s.altered && slices.Equal(s.body.Holder, holder[:])
}

// heldSlots reads the held keyslots. One that was altered is of nobody, and goes
// with the next change of roots: it must not keep a manager who leaves.
func (t *turn) heldSlots(wrapping seal.Key) (out []storedSlot, err error) {
	if err := t.asOwner(); err != nil {
		return nil, err
	}
	for _, entry := range t.heads.owner.Slots {
		if entry.Kind != slotHeld {
			continue
		}
		s := storedSlot{entry: entry}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		if err == nil {
			s.body, err = openSlotBody(t.v.id, entry, rec.Value, wrapping)
		}
		s.altered = err != nil || len(s.body.Holder) != 16
		out = append(out, s)
	}
	return out, nil
}

func (t *turn) dropSlot(entry seal.SlotEntry) {
	owner := t.heads.owner
	owner.Slots = slices.DeleteFunc(slices.Clone(owner.Slots), func(e seal.SlotEntry) bool { return e.ID == entry.ID })
	t.tx.Delete(t.v.id.slot(entry.ID))
}

// renewHeld seals new roots to everybody who stays, in the commit that adopts them.
// Who is not in the directory any more, or of whom it cannot be said which key is
// theirs, does not: it must not hold up that somebody else leaves.
func (v *Vault) renewHeld(ctx context.Context, wrapping seal.Key, roots map[Compartment]root, without *ID) (func(t *turn) error, error) {
	var held []storedSlot
	err := v.do(ctx, func(t *turn) (err error) {
		held, err = t.heldSlots(wrapping)
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
	for _, s := range held {
		if s.altered || without != nil && s.holds(*without) {
			continue
		}
		keys, err := v.service.holder(ctx, ID(s.body.Holder), s.body.Pinned)
		if errors.Is(err, ErrEnded) || errors.Is(err, ErrUntrustedKey) || errors.Is(err, ErrTampered) || errors.Is(err, ErrStale) || errors.Is(err, ErrPolicy) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entry, record, err := v.sealHeldSlot(wrapping, ID(s.body.Holder), s.body.Pinned, keys.Inbox, roots)
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
		same := func(a, b storedSlot) bool { return a.entry.ID == b.entry.ID }
		if !slices.EqualFunc(now, held, same) {
			return ErrRevision // somebody was let in, or taken out, meanwhile
		}
		for _, s := range now {
			t.dropSlot(s.entry)
		}
		for _, f := range all {
			t.heads.owner.Slots = append(t.heads.owner.Slots, f.entry)
			t.tx.PutUnique(v.id.slot(f.entry.ID), f.record)
		}
		return nil
	}, nil
}
