package seal

import (
	"bytes"
	"fmt"
)

// OwnerHead is what every change of a vault's keys, keyslots and grants moves. It
// is readable by all, because relays and the witness check it, and signed by the
// vault's key. Stored, it is one signed envelope:
//
//	format 1 | Ed25519 | TypeOwnerHead | length | CBOR of this struct | signature 64
//
// bound to the vault and the compartment Owner. A tombstone (Erased not 0) keeps
// Vault, Restore, Version, Key, Succession and Erased, and nothing else.
type OwnerHead struct {
	Vault        [16]byte          `cbor:"1,keyasint"`
	Restore      uint64            `cbor:"2,keyasint"`            // restore epoch; orders before Version
	Version      uint64            `cbor:"3,keyasint"`            // one more with each change
	MinFormat    uint8             `cbor:"4,keyasint,omitempty"`  // lowest envelope format this vault takes
	Key          []byte            `cbor:"5,keyasint"`            // the vault's Ed25519 public key, which signs this
	Succession   []Succession      `cbor:"6,keyasint,omitempty"`  // oldest first, from the first key to Key
	Service      []byte            `cbor:"7,keyasint,omitempty"`  // Ed25519 public key that signs the journal's head
	Compartments []CompartmentKeys `cbor:"8,keyasint,omitempty"`  // current keys
	Pages        [][]byte          `cbor:"9,keyasint,omitempty"`  // digests of Owner's index pages
	Slots        []SlotEntry       `cbor:"10,keyasint,omitempty"` // the keyslots there are
	Wrapping     []byte            `cbor:"11,keyasint,omitempty"` // digest of the wrapping key's record
	Grants       [][]byte          `cbor:"12,keyasint,omitempty"` // digests of grant terms
	Policy       uint64            `cbor:"13,keyasint,omitempty"` // version of the recovery policy
	Epoch        uint64            `cbor:"14,keyasint,omitempty"` // sessions of a lower epoch are over
	Erased       int64             `cbor:"15,keyasint,omitempty"` // Unix milliseconds; 0 = alive
	Closing      int64             `cbor:"16,keyasint,omitempty"` // Unix milliseconds: until then read and export only, then erased; 0 = open
	Kind         Kind              `cbor:"17,keyasint,omitempty"` // whose space this is
	Owed         uint64            `cbor:"18,keyasint,omitempty"` // generation of Shared that is to be left; 0 or an earlier one: none
	Locked       []LockedPrivate   `cbor:"19,keyasint,omitempty"` // what was private before a recovery that did not open it
	Rules        []byte            `cbor:"20,keyasint,omitempty"` // digest of the signed Policy; nil: the witness helps nobody in
	Stop         uint64            `cbor:"21,keyasint,omitempty"` // number of the latest stop that Epoch has followed; a later one ends every session
}

// LockedPrivate names a Private of before a recovery: everything of it is as it was,
// and waits for an old secret.
type LockedPrivate struct {
	Number     uint64 `cbor:"1,keyasint"` // of the recoveries of this vault
	Generation uint64 `cbor:"2,keyasint"` // its last
	Keyring    []byte `cbor:"3,keyasint"` // digest of its keyring's record
	Head       []byte `cbor:"4,keyasint"` // digest of its head's record
	Line       uint64 `cbor:"5,keyasint"` // of the journal: what was left in its inbox up to there is its own
}

// Kind says whose space a vault is. Everybody who holds keys is kept in the same
// way: a person, a worker (their own keys), a relay (what its workers share). The
// directory of relays has a head only, whose pages everybody can read.
type Kind uint8

const (
	KindPerson    Kind = 0 // a person's safe
	KindWorker    Kind = 1 // the keys of somebody who works for a relay
	KindRelay     Kind = 2 // what those who work for a relay share
	KindDirectory Kind = 3 // who the relays are, signed by the authority
)

// Succession is one change of a vault's signing key: the old one names the new.
type Succession struct {
	Old       []byte `cbor:"1,keyasint"`
	New       []byte `cbor:"2,keyasint"`
	Signature []byte `cbor:"3,keyasint"` // by Old, over the vault, Old and New
}

// CompartmentKeys are the current public facts about one compartment's keys.
type CompartmentKeys struct {
	Compartment Compartment `cbor:"1,keyasint"`
	Generation  uint64      `cbor:"2,keyasint"`
	Inbox       []byte      `cbor:"3,keyasint"` // X-Wing public key
	Keyring     []byte      `cbor:"4,keyasint"` // digest of the keyring's record
}

// SlotEntry names one keyslot. What kinds and states there are, vault says.
type SlotEntry struct {
	ID     [16]byte `cbor:"1,keyasint"`
	Kind   uint8    `cbor:"2,keyasint"`
	State  uint8    `cbor:"3,keyasint"`
	Digest []byte   `cbor:"4,keyasint"` // of the keyslot's record
}

// What the witness, too, reads of a keyslot: that of a path, and that it opens nothing any
// more but a locked Private.
const (
	SlotPath   uint8 = 4
	SlotLocked uint8 = 3
)

// Bounds of what a head may hold, so that a forged one costs little to refuse.
const (
	digestSize = 32
	maxList    = 1024
)

// Succeed makes the link by which k hands the vault over to the key next.
func (k SigningKey) Succeed(vault [16]byte, next []byte) Succession {
	s := Succession{Old: k.Public(), New: bytes.Clone(next)}
	s.Signature = k.Sign(successionContext(vault), s.message())
	return s
}

// SealOwnerHead signs h. ErrArgument if h does not name this key, or is not a
// head that [OpenOwnerHead] would take.
func (k SigningKey) SealOwnerHead(h *OwnerHead) ([]byte, error) {
	if h == nil || k.IsZero() || !bytes.Equal(h.Key, k.Public()) {
		return nil, fmt.Errorf("%w: owner head names another key", ErrArgument)
	}
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("%w: owner head: %w", ErrArgument, err)
	}
	body, err := Marshal(h)
	if err != nil {
		return nil, err
	}
	return k.SignEnvelope(ownerContext(h.Vault), body)
}

// OpenOwnerHead reads the head of vault. It verifies the signature by the key
// that the head names and every link of the succession. Whether that key is the
// right one the caller decides: ask [OwnerHead.Trusts] with a key that was
// pinned, or compare with a checkpoint (attacks D4, N2).
func OpenOwnerHead(vault [16]byte, record []byte) (*OwnerHead, error) {
	e, err := parseFor(ownerContext(vault), AlgEd25519, record)
	if err != nil {
		return nil, err
	}
	// The body is read before its signature is checked, because it names the
	// key. Nothing of it is used for anything else until then.
	h := new(OwnerHead)
	if err := Unmarshal(e.clear, h); err != nil {
		return nil, err
	}
	if _, err := OpenSigned(h.Key, ownerContext(vault), record); err != nil {
		return nil, err
	}
	if h.Vault != vault {
		return nil, ErrOpen
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	return h, nil
}

// Trusts says whether key is the head's key or one that handed over to it, link
// by link. It is meaningful for heads that [OpenOwnerHead] returned.
func (h *OwnerHead) Trusts(key []byte) bool {
	if len(key) != PublicSize {
		return false
	}
	for _, s := range h.Succession {
		if bytes.Equal(key, s.Old) {
			return true
		}
	}
	return bytes.Equal(key, h.Key)
}

// check holds what every head must satisfy beside its signature.
func (h *OwnerHead) check() error {
	if h.Erased != 0 {
		return h.checkTombstone()
	}
	if h.MinFormat < MinFormat || h.MinFormat > Format { // E6
		return fmt.Errorf("%w: minimum format", ErrFormat)
	}
	if h.Closing < 0 || h.Kind > KindDirectory {
		return fmt.Errorf("%w: closing time or kind", ErrFormat)
	}
	if h.Kind == KindDirectory {
		return h.checkDirectory()
	}
	if err := CheckPublic(h.Service); err != nil {
		return err
	}
	if max(len(h.Succession), len(h.Compartments), len(h.Pages), len(h.Slots), len(h.Grants), len(h.Locked)) > maxList {
		return fmt.Errorf("%w: too many entries", ErrFormat)
	}
	for _, c := range h.Compartments {
		if c.Compartment < Owner || c.Compartment > Private || len(c.Inbox) != BoxPublicSize || len(c.Keyring) != digestSize {
			return fmt.Errorf("%w: compartment keys", ErrFormat)
		}
	}
	digests := append(append([][]byte{h.Wrapping}, h.Pages...), h.Grants...)
	for _, s := range h.Slots {
		digests = append(digests, s.Digest)
	}
	if h.Rules != nil {
		digests = append(digests, h.Rules)
	}
	for _, l := range h.Locked {
		digests = append(digests, l.Keyring, l.Head)
	}
	for _, d := range digests {
		if len(d) != digestSize {
			return fmt.Errorf("%w: digest", ErrFormat)
		}
	}
	return h.checkSuccession()
}

// checkDirectory holds what the head of a directory must satisfy: keys, pages, and
// nothing that only a vault has.
func (h *OwnerHead) checkDirectory() error {
	rest := OwnerHead{Vault: h.Vault, Restore: h.Restore, Version: h.Version, MinFormat: h.MinFormat, Key: h.Key, Succession: h.Succession, Pages: h.Pages, Kind: h.Kind}
	want, err := Marshal(&rest)
	if err != nil {
		return err
	}
	got, err := Marshal(h)
	if err != nil {
		return err
	}
	if max(len(h.Succession), len(h.Pages)) > maxList || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: directory head", ErrFormat)
	}
	for _, d := range h.Pages {
		if len(d) != digestSize {
			return fmt.Errorf("%w: digest", ErrFormat)
		}
	}
	return h.checkSuccession()
}

func (h *OwnerHead) checkTombstone() error {
	rest := OwnerHead{Vault: h.Vault, Restore: h.Restore, Version: h.Version, Key: h.Key, Succession: h.Succession, Erased: h.Erased}
	want, err := Marshal(&rest)
	if err != nil {
		return err
	}
	got, err := Marshal(h)
	if err != nil {
		return err
	}
	if h.Erased < 0 || len(h.Succession) > maxList || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: tombstone", ErrFormat)
	}
	return h.checkSuccession()
}

// checkSuccession verifies that each key was named by the one before it and the
// last names Key.
func (h *OwnerHead) checkSuccession() error {
	seen := map[string]bool{string(h.Key): true}
	for i, s := range h.Succession {
		next := h.Key
		if i+1 < len(h.Succession) {
			next = h.Succession[i+1].Old
		}
		if !bytes.Equal(s.New, next) || seen[string(s.Old)] {
			return ErrOpen
		}
		seen[string(s.Old)] = true
		if err := VerifySignature(s.Old, successionContext(h.Vault), s.message(), s.Signature); err != nil {
			return err
		}
	}
	return nil
}

// message is what Old signs. Keys have one length, so that nothing is ambiguous.
func (s Succession) message() []byte { return append(appendField(nil, s.Old), s.New...) }

func ownerContext(vault [16]byte) Context {
	return Context{Type: TypeOwnerHead, Vault: vault, Compartment: Owner}
}

func successionContext(vault [16]byte) Context {
	return Context{Type: TypeSuccession, Vault: vault, Compartment: Owner}
}
