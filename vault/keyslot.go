package vault

import (
	"bytes"
	"context"
	"crypto/subtle"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A keyslot is one way to open roots. As stored, V/s/<slot>, its digest in the
// owner head:
//
//	sealed under the vault's wrapping key:
//	  CBOR{1: kind, 2: KDF parameters, 3: one envelope for each compartment,
//	       6: generation of the witness's key, 7: check of the card, …}
//	envelope: committed under the slot's key, bound to vault, compartment and slot: root
//
// A password's slot has no 6 and 7; a card's has nothing in 2, as its secret is
// random and the witness stands for the PIN (card.go).
//
// The wrapping key lies in V/k/w under the key service: whoever has only a copy
// of the store cannot even test a guess at a password, and one sign-in costs one
// call of the key service. Each root has an envelope of its own, so that a slot
// can keep Private's alone (N3).
type slotBody struct {
	Kind  uint8      `cbor:"1,keyasint"`
	KDF   seal.KDF   `cbor:"2,keyasint"`
	Roots []slotRoot `cbor:"3,keyasint"`

	// Of a keyslot that is sealed to somebody: their space and its signing key at the
	// first contact. KDF is that of nothing.
	Holder []byte `cbor:"4,keyasint,omitempty"`
	Pinned []byte `cbor:"5,keyasint,omitempty"`

	// Of an access card (card.go). KDF is empty.
	Generation uint64 `cbor:"6,keyasint,omitempty"` // of the witness's key
	Card       []byte `cbor:"7,keyasint,omitempty"` // tells the card that it is of

	// Of a path back in (path.go). KDF is that of nothing.
	Path     []byte   `cbor:"8,keyasint,omitempty"`
	PathKind PathKind `cbor:"9,keyasint,omitempty"`
	Params   []byte   `cbor:"10,keyasint,omitempty"` // what package recovery needs to make the person's part
	Shown    []byte   `cbor:"11,keyasint,omitempty"` // sealed under the helper's half

	Locked uint64 `cbor:"12,keyasint,omitempty"` // which locked Private it opens (locked.go); 0: none
}

type slotRoot struct {
	Compartment uint8  `cbor:"1,keyasint"`
	Envelope    []byte `cbor:"2,keyasint"`
}

// Kinds of keyslots.
const (
	slotPassword uint8 = 1
	slotCard     uint8 = 2
	slotHeld     uint8 = 3             // sealed to the inbox of somebody's own space
	slotPath           = seal.SlotPath // a path back in
)

// States of a keyslot in the owner head.
const (
	slotActive uint8 = 1
	slotCoded  uint8 = 2               // active, and a sign-in with it needs the code of the second factor
	slotLocked       = seal.SlotLocked // of before a recovery: opens a locked Private and nothing else
)

func (id ID) rootContext(c Compartment, slot [16]byte) seal.Context {
	return id.bind(seal.TypeRoot, c, 0, slot[:], 0)
}

// newPasswordSlot seals roots under a password.
func (s *Vaults) newPasswordSlot(ctx context.Context, id ID, wrapping seal.Key, secret string, roots map[Compartment]root, priority bool) (seal.SlotEntry, []byte, error) {
	entry := seal.SlotEntry{ID: newID(), Kind: slotPassword, State: slotActive}
	body := slotBody{Kind: slotPassword, KDF: seal.NewKDF()}
	key, err := s.derive.derive(ctx, body.KDF, secret, priority)
	if err != nil {
		return entry, nil, err
	}
	return id.sealSlot(entry, body, wrapping, key, roots)
}

// sealSlot seals roots under the key of a slot, and the slot under the wrapping key.
func (id ID) sealSlot(entry seal.SlotEntry, body slotBody, wrapping, key seal.Key, roots map[Compartment]root) (seal.SlotEntry, []byte, error) {
	for _, c := range compartments {
		root, ok := roots[c]
		if !ok {
			continue
		}
		envelope, err := key.SealCommitted(id.rootContext(c, entry.ID), nil, root.Bytes())
		if err != nil {
			return entry, nil, err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	return id.sealSlotBody(entry, body, wrapping)
}

// sealSlotBody puts a keyslot under the wrapping key; the entry names its digest.
func (id ID) sealSlotBody(entry seal.SlotEntry, body slotBody, wrapping seal.Key) (seal.SlotEntry, []byte, error) {
	raw, err := seal.Marshal(body)
	if err != nil {
		return entry, nil, err
	}
	record, err := wrapping.Seal(id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0), nil, raw)
	if err != nil {
		return entry, nil, err
	}
	digest := seal.Digest(record)
	entry.Digest = digest[:]
	return entry, record, nil
}

// openSlotBody opens the outer envelope of a keyslot, whose digest the owner
// head must name (C3: an old password's slot).
func openSlotBody(id ID, entry seal.SlotEntry, record []byte, wrapping seal.Key) (b slotBody, err error) {
	digest := seal.Digest(record)
	if subtle.ConstantTimeCompare(digest[:], entry.Digest) != 1 {
		return b, tampered("keyslot")
	}
	_, raw, err := wrapping.Open(id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0), record)
	if err != nil || seal.Unmarshal(raw, &b) != nil || b.Kind != entry.Kind {
		return b, tampered("keyslot")
	}
	return b, nil
}

// openRoots opens every envelope of a slot. The first that does not open is a
// wrong secret; the commitment refuses it before anything is decrypted (E5).
func (b slotBody) openRoots(id ID, slot [16]byte, key seal.Key) (map[Compartment]root, error) {
	roots := make(map[Compartment]root, len(b.Roots))
	for _, r := range b.Roots {
		c := Compartment(r.Compartment)
		_, raw, err := key.OpenCommitted(id.rootContext(c, slot), r.Envelope)
		if err != nil {
			return nil, ErrSignIn
		}
		if roots[c], err = seal.KeyFromBytes(raw); err != nil {
			return nil, tampered("keyslot")
		}
	}
	return roots, nil
}

func (id ID) wrappingContext() seal.Context {
	return id.bind(seal.TypeWrappingKey, Owner, 0, nil, 0)
}

func (id ID) wrappingKey() string { return id.key("k/w") }

// secretCheck holds everything of one vault that a check of a secret needs.
// For a login that nobody has it is the decoy, so that the same work is done (E8).
type secretCheck struct {
	id       ID
	counter  [32]byte // at the limiter
	owner    *seal.OwnerHead
	raw      []byte
	wrapping []byte
	slots    []storage.Record
	refused  error // the store is not as it should be: ErrSignIn after the same work
}

// locate reads what a sign-in needs. It never answers "no such login".
func (s *Vaults) locate(ctx context.Context, login string) (*secretCheck, error) {
	hash := s.keys.login(login)
	decoy := s.keys.hash("decoy", login)
	check := &secretCheck{id: ID(decoy[:16]), counter: hash, refused: ErrSignIn}
	rec, err := s.cfg.Store.Get(ctx, loginKey(hash))
	switch {
	case err == nil:
		if id, err := s.openLogin(hash, rec.Value); err == nil {
			check.id, check.refused = id, nil
		}
	case !isNotFound(err):
		return nil, storageError(err)
	}
	return check, nil
}

// load reads the owner head and the keyslots, after the try was counted.
func (s *Vaults) load(ctx context.Context, check *secretCheck, marks map[string]Checkpoint) (err error) {
	// The head before and after the others: while somebody changes the password,
	// what is read would not fit together, and a right password would be refused.
	// An unknown login is read in the same way (E8).
	for range steadyTries {
		var head storage.Record
		if head, err = s.getOrNone(ctx, check.id.head(Owner)); err != nil {
			return err
		}
		wrapping, err := s.getOrNone(ctx, check.id.wrappingKey())
		if err != nil {
			return err
		}
		if check.slots, err = s.cfg.Store.Scan(ctx, check.id.key("s/"), "", maxAllSlots+1); err != nil {
			return storageError(err)
		}
		after, err := s.getOrNone(ctx, check.id.head(Owner))
		if err != nil {
			return err
		}
		if check.raw, check.wrapping = head.Value, wrapping.Value; head.Version == after.Version {
			break
		}
	}
	if check.refused != nil {
		return nil
	}
	if check.owner, err = openOwnerHead(check.id, check.raw); err != nil {
		check.refused = err
		return nil
	}
	if mark, ok := marks[headOwner]; ok {
		switch {
		case check.owner.Restore < mark.Restore, check.owner.Restore == mark.Restore && check.owner.Version < mark.Version:
			check.refused = ErrStale // C1, C3: an older owner side
		case check.owner.Restore == mark.Restore && check.owner.Version == mark.Version && seal.Digest(check.raw) != mark.Hash:
			check.refused = tampered("owner head")
		}
	}
	if digest := seal.Digest(check.wrapping); !bytes.Equal(digest[:], check.owner.Wrapping) {
		check.refused = tampered("wrapping key")
	}
	return nil
}

// getOrNone is Get, with an empty record for one that is not there.
func (s *Vaults) getOrNone(ctx context.Context, key string) (storage.Record, error) {
	rec, err := s.cfg.Store.Get(ctx, key)
	if isNotFound(err) {
		return storage.Record{}, nil
	}
	return rec, storageError(err)
}

// maxSlots bounds the keyslots of one vault that are in force (G10), and maxAllSlots
// those with the ones that open what is locked.
const (
	maxSlots    = 12
	maxAllSlots = maxSlots + maxLocked*(2+5)
)

// prove derives the key of a password and opens the roots. It does the same
// work whether the login exists, the secret is right or the store was altered:
// one call of the key service and one derivation.
func (s *Vaults) prove(ctx context.Context, check *secretCheck, secret string, priority bool) (map[Compartment]root, seal.Key, error) {
	wrapping, err := s.unwrap(ctx, check)
	if err != nil {
		return nil, seal.Key{}, err
	}
	entry, body := check.passwordSlot(wrapping)
	kdf := body.KDF
	if check.refused != nil {
		kdf = s.decoy.kdf
	}
	key, err := s.derive.derive(ctx, kdf, secret, priority)
	if err != nil {
		return nil, seal.Key{}, err
	}
	if check.refused != nil {
		return nil, seal.Key{}, check.refused
	}
	roots, err := body.openRoots(check.id, entry.ID, key)
	return roots, wrapping, err
}

// unwrap opens the wrapping key, or the decoy's: one call of the key service in
// any case (E8).
func (s *Vaults) unwrap(ctx context.Context, check *secretCheck) (seal.Key, error) {
	wrappingContext, wrappingRecord := check.id.wrappingContext(), check.wrapping
	if check.refused != nil {
		wrappingContext, wrappingRecord = s.decoy.context, s.decoy.record
	}
	raw, err := unkeep(ctx, s.cfg.Keeper, wrappingContext, wrappingRecord)
	if err != nil && Code(err) != Code(ErrTampered) {
		return seal.Key{}, err
	}
	wrapping, keyErr := seal.KeyFromBytes(raw)
	if (err != nil || keyErr != nil) && check.refused == nil {
		check.refused = tampered("wrapping key")
	}
	return wrapping, nil
}

// passwordSlot finds the one password slot that the owner head names.
func (check *secretCheck) passwordSlot(wrapping seal.Key) (entry seal.SlotEntry, body slotBody) {
	if check.refused != nil {
		return
	}
	entry, body, found := check.findSlot(slotPassword, wrapping)
	if check.refused == nil && (!found || body.KDF.Check() != nil) { // E1, E2, E9: refused before deriving
		check.refused = tampered("keyslot")
	}
	return entry, body
}

// findSlot finds the one active slot of a kind that the owner head names; one that
// it names and the store does not give as it was written is refused.
func (check *secretCheck) findSlot(kind uint8, wrapping seal.Key) (entry seal.SlotEntry, body slotBody, named bool) {
	entry, named = activeSlot(check.owner, kind)
	if !named {
		return entry, body, false
	}
	i := slices.IndexFunc(check.slots, func(r storage.Record) bool { return r.Key == check.id.slot(entry.ID) })
	err := tampered("keyslot")
	if i >= 0 {
		body, err = openSlotBody(check.id, entry, check.slots[i].Value, wrapping)
	}
	if err != nil {
		check.refused = err
	}
	return entry, body, true
}

func activeSlot(owner *seal.OwnerHead, kind uint8) (seal.SlotEntry, bool) {
	i := slices.IndexFunc(owner.Slots, func(e seal.SlotEntry) bool { return e.Kind == kind && (e.State == slotActive || e.State == slotCoded) })
	if i < 0 {
		return seal.SlotEntry{}, false
	}
	return owner.Slots[i], true
}

// decoy is what a sign-in works on when there is nothing to work on.
type decoy struct {
	context seal.Context
	record  []byte
	kdf     seal.KDF
}

func newDecoy(ctx context.Context, keeper Keeper) (*decoy, error) {
	id := ID(newID())
	record, err := keep(ctx, keeper, id.wrappingContext(), seal.NewKey().Bytes())
	if err != nil {
		return nil, err
	}
	return &decoy{context: id.wrappingContext(), record: record, kdf: seal.NewKDF()}, nil
}
