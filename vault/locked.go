package vault

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"reconnect.example/internal/seal"
)

// A recovery that does not open Private leaves it as it is: locked. Its keyring, head
// and pages move to V/l/<number>/, its items stay where they are, and of the old
// keyslots only what opens it is kept (N3). The vault goes on at once with a new
// Private, with a root and generations of its own, numbered after those of the old one.
//
//	V/l/<n>/k, V/l/<n>/h, V/l/<n>/x/<page>   as they were under V/k/p, V/h/p, V/x/p/<page>
//
// When somebody shows an old secret, the old generations join the new keyring, the old
// entries the new pages, and all is sealed anew like after any change of keys.

// maxLocked bounds them, and with them the derivations of a try at an old password. Whoever
// has as many and forgets once more, comes back only by a path that opens Private.
const maxLocked = 8

func (id ID) locked(n uint64, part string) string {
	return id.key("l/" + strconv.FormatUint(n, 10) + "/" + part)
}

// The acts of a locked Private.
const (
	ActPrivateLocked   Act = "private.locked"
	ActPrivateUnlocked Act = "private.unlocked" // Detail "count"
)

// lockPrivate puts Private aside, in the commit that changes the roots without it.
// fresh is the first generation of the new one. keep names the path whose slot may still
// open the old one, zero if none.
func (t *turn) lockPrivate(p *proof, fresh *generation, keep PathID) error {
	owner, id := t.heads.owner, t.v.id
	if len(owner.Locked) >= maxLocked {
		return ErrTooMany
	}
	keys, ok := keysOf(owner, Private)
	if !ok {
		return tampered("owner head")
	}
	n := uint64(1)
	if last := len(owner.Locked); last > 0 {
		n = owner.Locked[last-1].Number + 1
	}
	head, err := t.tx.Get(id.head(Private))
	if err != nil {
		return missing(err, "private head")
	}
	version, err := t.moveAside(n, head.Value)
	if err != nil {
		return err
	}
	digest := seal.Digest(head.Value)
	owner.Locked = append(slices.Clone(owner.Locked), seal.LockedPrivate{Number: n, Generation: keys.Generation, Keyring: keys.Keyring, Head: digest[:], Line: t.heads.journal.Count})
	t.heads.indexes[Private] = &index{version: version, generation: fresh.number, sealedHead: sealedHead{Since: fresh.number, Cursor: t.heads.journal.Count}}
	t.heads.indexes[Private].reset()
	t.heads.indexes[Private].dirty = true
	t.note(ActPrivateLocked, nil, nil)
	return t.lockSlots(p, n, keep)
}

// moveAside moves the records of Private, and returns the version of its head.
func (t *turn) moveAside(n uint64, head []byte) (version uint64, err error) {
	id := t.v.id
	clear, ok := parseClearHead(head)
	if !ok {
		return 0, tampered("private head")
	}
	ring, err := t.tx.Get(id.keyring(Private))
	if err != nil {
		return 0, missing(err, "private keyring")
	}
	t.tx.PutUnique(id.locked(n, "h"), head)
	t.tx.PutUnique(id.locked(n, "k"), ring.Value)
	return clear.Version, t.movePages(n)
}

func (t *turn) movePages(n uint64) error {
	pages := t.v.id.key("x/" + Private.letter() + "/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, pages) {
		if err != nil {
			return storageError(err)
		}
		t.tx.PutUnique(t.v.id.locked(n, "x/"+strings.TrimPrefix(rec.Key, pages)), rec.Value)
		t.tx.Delete(rec.Key)
	}
	return nil
}

// isOfLocked says whether a head of Private is of before a recovery that did not open
// it: a backup has brought it back.
func (t *turn) isOfLocked(head []byte) bool {
	clear, ok := parseClearHead(head)
	return ok && len(t.heads.owner.Locked) > 0 && clear.Generation < t.rings[Private].generations[0].number
}

func parseClearHead(head []byte) (clear clearHead, ok bool) {
	_, raw, err := seal.ParseClear(head)
	return clear, err == nil && seal.Unmarshal(raw, &clear) == nil
}

// lockAgain locks the Private of a backup in the place of the one that it was to become:
// its pages name the items that the backup has. What was private since is gone, as
// everything since is; the present Private begins again with nothing in it.
func (t *turn) lockAgain(head []byte) (version uint64, err error) {
	clear, _ := parseClearHead(head)
	owner, id := t.heads.owner, t.v.id
	i := slices.IndexFunc(owner.Locked, func(l seal.LockedPrivate) bool { return clear.Generation <= l.Generation })
	if i < 0 {
		return 0, tampered("private head")
	}
	prefix := id.locked(owner.Locked[i].Number, "x/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, prefix) {
		if err != nil {
			return 0, storageError(err)
		}
		t.tx.Delete(rec.Key)
	}
	if err := t.movePages(owner.Locked[i].Number); err != nil {
		return 0, err
	}
	t.tx.PutUnique(id.locked(owner.Locked[i].Number, "h"), head)
	digest := seal.Digest(head)
	owner.Locked = slices.Clone(owner.Locked)
	owner.Locked[i].Head = digest[:]
	fresh := t.rings[Private].current().number
	t.heads.indexes[Private] = &index{version: clear.Version, generation: fresh, sealedHead: sealedHead{Since: fresh}}
	t.heads.indexes[Private].reset()
	return clear.Version, nil
}

// lockSlots leaves of each keyslot what opens Private, for an old password, an old card
// and the path that is still waiting for Private. They open nothing else any more.
func (t *turn) lockSlots(p *proof, n uint64, keep PathID) error {
	for _, entry := range slices.Clone(t.heads.owner.Slots) {
		if entry.State == slotLocked || entry.Kind != slotPassword && entry.Kind != slotCard && entry.Kind != slotPath {
			continue
		}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil && !isNotFound(err) {
			return err
		}
		body, err := openSlotBody(t.v.id, entry, rec.Value, p.wrapping)
		t.dropSlot(entry)
		if err != nil {
			continue // altered: what it would have opened, nobody can say
		}
		if entry.Kind == slotPath && PathID(body.Path) != keep {
			continue
		}
		body.Roots = slices.DeleteFunc(body.Roots, func(r slotRoot) bool { return Compartment(r.Compartment) != Private })
		if len(body.Roots) == 0 {
			continue
		}
		entry.State, body.Locked, body.Shown = slotLocked, n, nil
		entry, record, err := t.v.id.sealSlotBody(entry, body, p.wrapping)
		if err != nil {
			return err
		}
		t.heads.owner.Slots = append(t.heads.owner.Slots, entry)
		t.tx.PutUnique(t.v.id.slot(entry.ID), record)
	}
	return nil
}

// countLocked counts, by subtraction, what no head of today names: the papers that
// wait for an old secret, with their folders. Zero where nothing is locked.
func (t *turn) countLocked() (n int, err error) {
	if len(t.heads.owner.Locked) == 0 {
		return 0, nil
	}
	listed := map[ItemID]bool{}
	for _, c := range []Compartment{Shared, Private} {
		for i := range t.heads.indexes[c].Pages {
			p, err := t.page(c, i)
			if err != nil {
				return 0, err
			}
			for _, e := range p.entries {
				listed[e.id] = true
			}
		}
	}
	prefix := t.v.id.key("i/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, prefix) {
		if err != nil {
			return 0, storageError(err)
		}
		if id, err := ParseItemID(rec.Key[len(prefix):]); err == nil && !listed[id] {
			n++
		}
	}
	return n, nil
}

// OpenLocked opens what was private before a recovery that did not open it, with a
// secret of then: the password, or the access card with its PIN. secret is that of
// today. What is found joins Private; the old secret opens nothing after that, as it
// opened nothing else before. It returns how many things came back.
//
// Tries are counted like those of a sign-in. Errors: ErrNotFound if nothing is locked,
// ErrSignIn for a wrong secret, old or new, ErrCardDead, BackOffError, ErrWitnessAway
// (nothing was changed), ErrTampered, ErrUnconfirmed (it is done).
func (v *Vault) OpenLocked(ctx context.Context, old, secret Secret) (n int, err error) {
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return 0, err
	}
	p, err := v.confirm(ctx, secret)
	if err != nil {
		return 0, err
	}
	found, tried, err := v.proveLocked(ctx, p, old)
	if err != nil {
		return 0, err
	}
	if n, err = v.unlock(ctx, p, found); err == nil || errors.Is(err, ErrUnconfirmed) {
		v.resetCounter(ctx, tried)
	}
	return n, err
}

// lockedRoot is the root of a locked Private.
type lockedRoot struct {
	number uint64
	root   root
}

// lockedSlots are the keyslots that open what is locked, the latest lock first.
func (v *Vault) lockedSlots(ctx context.Context, wrapping seal.Key) (out []foundSlot, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = nil
		if err := t.asPerson(); err != nil {
			return err
		}
		for _, entry := range slices.Backward(t.heads.owner.Slots) {
			if entry.State != slotLocked {
				continue
			}
			rec, err := t.tx.Get(v.id.slot(entry.ID))
			if err != nil && !isNotFound(err) {
				return err
			}
			body, err := openSlotBody(v.id, entry, rec.Value, wrapping)
			if err != nil {
				return err
			}
			out = append(out, foundSlot{entry, body})
		}
		if len(t.heads.owner.Locked) == 0 {
			return ErrNotFound
		}
		return nil
	})
	return out, err
}

// proveLocked counts a try, and opens the root with an old secret.
func (v *Vault) proveLocked(ctx context.Context, p *proof, old Secret) (found lockedRoot, tried *proof, err error) {
	slots, err := v.lockedSlots(ctx, p.wrapping)
	if err != nil {
		return found, nil, err
	}
	if old.Card != "" {
		return v.proveLockedCard(ctx, slots, old)
	}
	secret, err := normalPassword(old.Password)
	if err != nil {
		return found, nil, ErrSignIn
	}
	tried = &proof{counter: v.service.keys.hash("locked", string(v.id[:]))}
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	if tried.tries, err = v.service.cfg.Limiter.Count(waits, v.id, tried.counter); err != nil {
		return found, nil, ErrWitnessAway
	}
	if tried.tries.Wait > 0 {
		return found, nil, &BackOffError{Wait: tried.tries.Wait}
	}
	for _, s := range slots {
		if s.entry.Kind != slotPassword {
			continue
		}
		key, err := v.service.derive.derive(ctx, s.body.KDF, secret, true)
		if err != nil {
			return found, nil, err
		}
		if root, err := s.openLocked(v.id, key); err == nil {
			return root, tried, nil
		}
	}
	return found, nil, ErrSignIn
}

func (v *Vault) proveLockedCard(ctx context.Context, slots []foundSlot, old Secret) (found lockedRoot, tried *proof, err error) {
	code, pin, err := readCard(old.Card, old.PIN)
	if err != nil {
		return found, nil, err
	}
	for _, s := range slots {
		if s.entry.Kind != slotCard || !slices.Equal(s.body.Card, code.check(v.id, s.entry.ID)) {
			continue
		}
		tried = &proof{counter: v.service.cardCounter(v.id, s.entry.ID)}
		e, err := v.service.evaluate(ctx, v.id, tried.counter, code.input(v.id, s.entry.ID, pin), s.body.Generation)
		if err != nil {
			return found, nil, err
		}
		switch tried.tries = e.Tries; {
		case e.Tries.Wait > 0:
			return found, nil, &BackOffError{Wait: e.Tries.Wait}
		case e.Tries.Spent:
			return found, nil, ErrCardDead
		}
		found, err = s.openLocked(v.id, code.key(v.id, s.entry.ID, e.Output))
		return found, tried, err
	}
	return found, nil, ErrSignIn
}

func (s foundSlot) openLocked(id ID, key seal.Key) (lockedRoot, error) {
	roots, err := s.body.openRoots(id, s.entry.ID, key)
	root, ok := roots[Private]
	if err == nil && !ok {
		err = tampered("keyslot")
	}
	return lockedRoot{number: s.body.Locked, root: root}, err
}

// unlock joins a locked Private to the present one: in one commit its generations and
// its entries; then everything is sealed anew. Who has the old generations only, another
// session, signs in again.
func (v *Vault) unlock(ctx context.Context, p *proof, found lockedRoot) (n int, err error) {
	err = v.changeOwner(ctx, func(t *turn) (err error) {
		if err := errors.Join(t.asPerson(), t.proved(p)); err != nil {
			return err
		}
		if n, err = t.joinLocked(p, found); err != nil {
			return err
		}
		t.note(ActPrivateUnlocked, nil, map[string]string{"count": strconv.Itoa(n)})
		return t.raiseEpoch(besideKeys)
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return 0, err
	}
	if v.reseal(ctx) != nil {
		return n, ErrUnconfirmed // it is open; the next sign-in goes on
	}
	_, _ = v.TakeIn(ctx)
	return n, err
}

func (t *turn) joinLocked(p *proof, found lockedRoot) (n int, err error) {
	owner, id := t.heads.owner, t.v.id
	i := slices.IndexFunc(owner.Locked, func(l seal.LockedPrivate) bool { return l.Number == found.number })
	if i < 0 {
		return 0, ErrNotFound
	}
	locked := owner.Locked[i]
	old, ix, err := t.openLockedHead(locked, found.root)
	if err != nil {
		return 0, err
	}
	now := t.heads.indexes[Private]
	for page := range ix.Pages {
		rec, err := t.tx.Get(id.locked(locked.Number, "x/"+strconv.Itoa(page)))
		if err != nil {
			return 0, missing(err, "locked index page %d", page)
		}
		entries, err := openPage(id, Private, page, rec.Value, ix.Pages[page], old)
		if err != nil {
			return 0, err
		}
		for _, e := range entries.entries {
			if err := t.enter(Private, e); err != nil {
				return 0, err
			}
			n++
		}
		t.tx.Delete(rec.Key)
	}
	now.Since, now.dirty = min(now.Since, ix.Since), true
	if ix.Cursor < locked.Line { // what waited in its inbox is taken in now
		now.Skip = append(slices.Clone(now.Skip), lineRange{After: locked.Line, To: now.Cursor})
		now.Cursor = ix.Cursor
	}
	if ix.Binned != 0 && (now.Binned == 0 || ix.Binned < now.Binned) {
		now.Binned = ix.Binned
	}
	if err := t.joinRing(p, old); err != nil {
		return 0, err
	}
	t.tx.Delete(id.locked(locked.Number, "h"))
	t.tx.Delete(id.locked(locked.Number, "k"))
	owner.Locked = slices.Delete(slices.Clone(owner.Locked), i, i+1)
	if len(owner.Locked) == 0 {
		if err := t.dropPaper(laterPaper); err != nil {
			return 0, err
		}
	}
	return n, t.dropLockedSlots(p, locked.Number)
}

func (t *turn) openLockedHead(locked seal.LockedPrivate, root root) (*ring, *index, error) {
	id := t.v.id
	ring, err := t.tx.Get(id.locked(locked.Number, "k"))
	if err != nil {
		return nil, nil, missing(err, "locked keyring")
	}
	head, err := t.tx.Get(id.locked(locked.Number, "h"))
	if err != nil {
		return nil, nil, missing(err, "locked head")
	}
	keys, heads := seal.Digest(ring.Value), seal.Digest(head.Value)
	if !slices.Equal(keys[:], locked.Keyring) || !slices.Equal(heads[:], locked.Head) { // C1: an older one
		return nil, nil, tampered("what is locked")
	}
	old, _, err := openKeyring(id, Private, ring.Value, root)
	if err != nil {
		return nil, nil, err
	}
	ix, err := openIndex(id, Private, head.Value, old)
	return old, ix, err
}

// joinRing puts the generations of before into Private's keyring.
func (t *turn) joinRing(p *proof, old *ring) error {
	mine := rings{}
	for c, r := range t.rings {
		mine[c] = r
	}
	joined := slices.Clone(old.generations)
	for _, g := range t.rings[Private].generations {
		if !slices.ContainsFunc(joined, func(o *generation) bool { return o.number == g.number }) {
			joined = append(joined, g)
		}
	}
	slices.SortFunc(joined, func(a, b *generation) int { return int(a.number) - int(b.number) })
	mine[Private] = &ring{generations: joined}
	t.rings = mine
	return t.sealRing(Private, p.roots[Private])
}

func (t *turn) dropLockedSlots(p *proof, number uint64) error {
	for _, entry := range slices.Clone(t.heads.owner.Slots) {
		if entry.State != slotLocked {
			continue
		}
		rec, err := t.tx.Get(t.v.id.slot(entry.ID))
		if err != nil && !isNotFound(err) {
			return err
		}
		if body, err := openSlotBody(t.v.id, entry, rec.Value, p.wrapping); err != nil || body.Locked == number {
			t.dropSlot(entry)
		}
	}
	return nil
}

// sealRing writes the keyring of a compartment as it is in this turn, and what the owner
// head says of it.
func (t *turn) sealRing(c Compartment, root root) error {
	now := t.rings[c].current()
	for i := range t.heads.owner.Compartments {
		k := &t.heads.owner.Compartments[i]
		if Compartment(k.Compartment) != c {
			continue
		}
		record, err := sealKeyring(t.v.id, c, now.number, root, t.rings[c], &t.signer)
		if err != nil {
			return err
		}
		digest := seal.Digest(record)
		k.Generation, k.Inbox, k.Keyring = now.number, now.inbox.Public().Bytes(), digest[:]
		t.tx.PutUnique(t.v.id.keyring(c), record)
		t.heads.indexes[c].dirty = true
	}
	return nil
}
