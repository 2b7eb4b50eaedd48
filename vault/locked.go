package vault

import (
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
)

// A recovery that does not open Private leaves it as it is: locked. Its keyring, head
// and pages go to V/l/<number>/, its items stay where they are, and of the old
// keyslots only what opens it is kept (N3). The vault goes on at once with a new
// Private, with a root and generations of its own, numbered after those of the old one.
//
//	V/l/<n>/k, V/l/<n>/h, V/l/<n>/x/<page>   as they were under V/k/p, V/h/p, V/x/p/<page>
//
// When somebody shows an old secret, the old generations join the new keyring, the old
// entries the new pages, and all is sealed anew like after any change of keys. From the
// moment when the generations are in the keyring no old secret is needed, and every
// sign-in goes on with what is left.
//
// There is no bound to how many pages there are, but one to a commit. So they are copied
// before the commit of the new keys (locked_pages.go), and join a few at a time
// (locked_join.go).

// maxLocked bounds them, and with them the derivations of a try at an old password. Whoever
// has as many and forgets once more, comes back only by a path that opens Private.
const maxLocked = 32

func (id ID) locked(n uint64, part string) string {
	return id.key("l/" + strconv.FormatUint(n, 10) + "/" + part)
}

// The acts of a locked Private.
const (
	ActPrivateLocked   Act = "private.locked"   // Detail "number", "generation", "version", "head", "keyring"
	ActPrivateUnlocked Act = "private.unlocked" // Detail "number", "count"
)

// nextLocked is the number of the next one: not below the generation that is locked, as
// that never comes again. A backup may have something under each number that ever was.
func nextLocked(owner *seal.OwnerHead) (n uint64) {
	if last := len(owner.Locked); last > 0 {
		n = owner.Locked[last-1].Number
	}
	keys, _ := keysOf(owner, Private)
	return max(n+1, keys.Generation)
}

// lockPrivate puts Private aside, in the commit that changes the roots without it: its
// pages are copied already. fresh is the first generation of the new one, which begins
// without a page; what lies where its pages will be, nothing names any more. keep names
// the path whose slot may still open the old one, zero if none.
func (t *turn) lockPrivate(p *proof, fresh *generation, keep PathID) error {
	owner, id := t.heads.owner, t.v.id
	if len(owner.Locked) >= maxLocked {
		return ErrTooManyLocked
	}
	keys, ok := keysOf(owner, Private)
	if !ok {
		return tampered("owner head")
	}
	head, err := t.tx.Get(id.head(Private))
	if err != nil {
		return missing(err, "private head")
	}
	ring, err := t.tx.Get(id.keyring(Private))
	if err != nil {
		return missing(err, "private keyring")
	}
	clear, ok := parseClearHead(head.Value)
	if !ok {
		return tampered("private head")
	}
	if keep != (PathID{}) { // it leaves something for later, too
		if err := t.makeWayForLater(p); err != nil {
			return err
		}
	}
	n := nextLocked(owner)
	if err := t.isAside(n, head.Value); err != nil {
		return err
	}
	t.tx.PutUnique(id.locked(n, "h"), head.Value)
	t.tx.PutUnique(id.locked(n, "k"), ring.Value)
	digest := seal.Digest(head.Value)
	locked := seal.LockedPrivate{Number: n, Generation: keys.Generation, Keyring: keys.Keyring, Head: digest[:], Line: t.heads.journal.Count}
	owner.Locked = append(slices.Clone(owner.Locked), locked)
	t.heads.indexes[Private] = &index{version: clear.Version, generation: fresh.number, sealedHead: sealedHead{Since: fresh.number, Cursor: t.heads.journal.Count}}
	t.heads.indexes[Private].reset()
	t.heads.indexes[Private].dirty = true
	t.noteLocked(locked, clear.Version)
	return t.lockSlots(p, n, keep)
}

func parseClearHead(head []byte) (clear clearHead, ok bool) {
	_, raw, err := seal.ParseClear(head)
	return clear, err == nil && seal.Unmarshal(raw, &clear) == nil
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
// wait for an old secret, with their folders. Zero where nothing waits: what joins needs no
// secret any more.
func (t *turn) countLocked() (n int, err error) {
	if !t.waitsLocked() {
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
	if err := t.listJoining(listed); err != nil {
		return 0, err
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
