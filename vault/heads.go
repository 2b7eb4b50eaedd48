package vault

import (
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A vault has four heads, which every change moves in its own commit; they are
// what a checkpoint remembers:
//
//	V/h/o  signed by the vault's key, readable by relays and witness (seal.OwnerHead)
//	V/h/s  clear CBOR{1: version, 2: generation, 3: restore epoch} | sealed under Shared's generation:
//	V/h/p    CBOR{1: page digests, 2: entries on each page, 3: inbox cursor, 4: bin, 5: oldest generation}
//	V/h/j  signed by the service: CBOR{1: count, 2: hash of the last entry, 3: restore epoch, 4: last deposit}; its version is the count
//
// Each says of which restore epoch it is, which must be the owner head's: what was
// left behind by a restore often has higher versions than what came after (C8).
type heads struct {
	owner   *seal.OwnerHead
	indexes map[Compartment]*index // Owner's digests come from the owner head
	journal journalHead
	raw     map[Compartment][]byte // as stored, for checkpoints; the journal under 0, a stop under stopPlace, the use of links under usesPlace
}

type clearHead struct {
	Version    uint64 `cbor:"1,keyasint"`
	Generation uint64 `cbor:"2,keyasint"`
	Restore    uint64 `cbor:"3,keyasint,omitempty"`
}

type sealedHead struct {
	Pages  [][]byte `cbor:"1,keyasint"`
	Counts []uint16 `cbor:"2,keyasint"`
	Cursor uint64   `cbor:"3,keyasint"` // journal number up to which the inbox was taken in
	Binned int64    `cbor:"4,keyasint"` // nothing lies in the bin for longer than since then (unix ms); 0: nothing does
	Since  uint64   `cbor:"5,keyasint"` // nothing lies under an older generation than this

	// Skip are ranges of lines behind the cursor that were taken in already, or are
	// another's: after a locked Private has joined, what had waited for it is taken in.
	Skip []lineRange `cbor:"6,keyasint,omitempty"`
}

// lineRange is a range of journal lines: after one, up to another.
type lineRange struct {
	After uint64 `cbor:"1,keyasint"`
	To    uint64 `cbor:"2,keyasint"`
}

type journalHead struct {
	// Count is also the version that the witness remembers, so that a journal
	// that was cut is older, also one whose head was signed anew (G2).
	Count uint64 `cbor:"1,keyasint"`
	Last  []byte `cbor:"2,keyasint"` // digest of the last entry, which names the one before it

	Restore uint64 `cbor:"3,keyasint,omitempty"`
	// Deposit is the number of the last line of a deposit, so that who signs in knows
	// without reading the journal that nothing waits: it is behind the inbox cursors.
	Deposit uint64 `cbor:"4,keyasint,omitempty"`
}

const (
	headOwner   = "owner"
	headShared  = "shared"
	headPrivate = "private"
	headJournal = "journal"
)

// index is what a head says of the pages of its compartment.
type index struct {
	version    uint64
	generation uint64
	restore    uint64
	sealedHead
	loaded  map[int]*page
	changed map[int]bool
	dirty   bool
}

func (c Compartment) headType() seal.Type {
	if c == Shared {
		return seal.TypeSharedHead
	}
	return seal.TypePrivateHead
}

func (c Compartment) headName() string {
	switch c {
	case Owner:
		return headOwner
	case Shared:
		return headShared
	}
	return headPrivate
}

// openOwnerHead verifies the owner head's own signature and format. Whether its
// key is the right one, the caller compares.
func openOwnerHead(id ID, record []byte) (*seal.OwnerHead, error) {
	h, err := seal.OpenOwnerHead(id, record)
	if err != nil {
		return nil, tampered("owner head")
	}
	if h.MinFormat > seal.Format { // a newer program wrote it: never guess
		return nil, ErrPolicy
	}
	return h, nil
}

func keysOf(h *seal.OwnerHead, c Compartment) (seal.CompartmentKeys, bool) {
	i := slices.IndexFunc(h.Compartments, func(k seal.CompartmentKeys) bool { return k.Compartment == c.seal() })
	if i < 0 {
		return seal.CompartmentKeys{}, false
	}
	return h.Compartments[i], true
}

// openIndex opens the head of Shared or Private.
func openIndex(id ID, c Compartment, record []byte, ring *ring) (*index, error) {
	_, clear, err := seal.ParseClear(record)
	if err != nil {
		return nil, tampered("%s head", c)
	}
	var h clearHead
	if err := seal.Unmarshal(clear, &h); err != nil {
		return nil, tampered("%s head", c)
	}
	gen, ok := ring.generation(h.Generation)
	if !ok {
		return nil, tampered("%s head", c)
	}
	_, body, err := gen.key.Open(id.bind(c.headType(), c, h.Generation, nil, h.Version), record)
	if err != nil {
		return nil, tampered("%s head", c)
	}
	ix := &index{version: h.Version, generation: h.Generation, restore: h.Restore}
	if err := seal.Unmarshal(body, &ix.sealedHead); err != nil || len(ix.Pages) != len(ix.Counts) {
		return nil, tampered("%s head", c)
	}
	ix.reset()
	return ix, nil
}

// skips says whether a line of the journal is none to take in.
func (ix *index) skips(line uint64) bool {
	return line <= ix.Cursor || slices.ContainsFunc(ix.Skip, func(r lineRange) bool { return r.After < line && line <= r.To })
}

// passed moves the cursor.
func (ix *index) passed(line uint64) {
	ix.Cursor = max(ix.Cursor, line)
	ix.Skip = slices.DeleteFunc(slices.Clone(ix.Skip), func(r lineRange) bool { return r.To <= ix.Cursor })
}

// takesAlso adds what waits for an older index: the lines after its cursor, up to the one
// at which it was locked.
func (ix *index) takesAlso(old *index, upTo uint64) {
	if old.Cursor >= upTo {
		return
	}
	before := slices.Clone(ix.Skip)
	if old.Cursor < ix.Cursor { // what lies between was taken in, or is another's
		before = append(before, lineRange{After: old.Cursor, To: ix.Cursor})
		ix.Cursor = old.Cursor
	}
	ix.Skip = nil
	for _, r := range before {
		if r.After < old.Cursor {
			ix.Skip = append(ix.Skip, lineRange{After: r.After, To: min(r.To, old.Cursor)})
		}
		if r.To > upTo {
			ix.Skip = append(ix.Skip, lineRange{After: max(r.After, upTo), To: r.To})
		}
	}
	for _, r := range old.Skip {
		if r.After < upTo {
			ix.Skip = append(ix.Skip, lineRange{After: r.After, To: min(r.To, upTo)})
		}
	}
}

func (ix *index) reset() {
	ix.loaded, ix.changed, ix.dirty = map[int]*page{}, map[int]bool{}, false
}

func sealIndex(id ID, c Compartment, ix *index, gen *generation) ([]byte, error) {
	clear, err := seal.Marshal(clearHead{Version: ix.version, Generation: gen.number, Restore: ix.restore})
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(ix.sealedHead)
	if err != nil {
		return nil, err
	}
	return gen.key.Seal(id.bind(c.headType(), c, gen.number, nil, ix.version), clear, body)
}

func openJournalHead(id ID, service, record []byte) (journalHead, error) {
	var h journalHead
	body, err := seal.OpenSigned(service, id.bind(seal.TypeJournalHead, Owner, 0, nil, 0), record)
	if err != nil {
		return h, tampered("journal head")
	}
	if err := seal.Unmarshal(body, &h); err != nil {
		return h, tampered("journal head")
	}
	return h, nil
}

func sealJournalHead(id ID, signer seal.SigningKey, h journalHead) ([]byte, error) {
	body, err := seal.Marshal(h)
	if err != nil {
		return nil, err
	}
	return signer.SignEnvelope(id.bind(seal.TypeJournalHead, Owner, 0, nil, 0), body)
}

// checkpoints are the heads as a witness is told of them.
func (h *heads) checkpoints() []Checkpoint {
	out := []Checkpoint{{Head: headOwner, Restore: h.owner.Restore, Version: h.owner.Version, Hash: seal.Digest(h.raw[Owner])}}
	if h.owner.Erased != 0 { // a tombstone has no other heads
		return out
	}
	out = append(out, Checkpoint{Head: headJournal, Restore: h.owner.Restore, Version: h.journal.Count, Hash: seal.Digest(h.raw[0])})
	for _, c := range []Compartment{Shared, Private} {
		if ix, ok := h.indexes[c]; ok {
			out = append(out, Checkpoint{Head: c.headName(), Restore: h.owner.Restore, Version: ix.version, Hash: seal.Digest(h.raw[c])})
		}
	}
	return out
}

// checkpoint is one of checkpoints by name.
func (h *heads) checkpoint(head string) Checkpoint {
	all := h.checkpoints()
	return all[slices.IndexFunc(all, func(c Checkpoint) bool { return c.Head == head })]
}

// readHeads fetches and verifies the heads of a vault in one read: the owner
// head against trusted (the key that the opener holds), the others against the
// keys in rings. Compartments without a ring are left out.
func readHeads(tx *storage.Tx, id ID, trusted []byte, rings rings, epoch uint64, known *signatures) (*heads, error) {
	raw, err := readRawHeads(tx, id)
	if err != nil {
		return nil, err
	}
	h := &heads{indexes: map[Compartment]*index{}, raw: map[Compartment][]byte{Owner: raw[Owner], 0: raw[0], stopPlace: raw[stopPlace], usesPlace: raw[usesPlace]}}
	if h.owner, err = known.ownerHead(id, h.raw[Owner]); err != nil {
		return nil, err
	}
	if !slices.Equal(h.owner.Key, trusted) {
		// A newer key that follows ours means that the roots were changed: sign in
		// again. Any other key is a forged head (D4).
		if h.owner.Trusts(trusted) {
			return nil, ErrSessionEnded
		}
		return nil, ErrUntrustedKey
	}
	if h.owner.Erased != 0 {
		return h, nil
	}
	if h.owner.Epoch > epoch { // signed out everywhere, and perhaps with new keys
		return nil, ErrSessionEnded
	}
	return h, h.open(id, raw, rings, known)
}

// open opens the journal's head and those of the compartments in rings.
func (h *heads) open(id ID, raw map[Compartment][]byte, rings rings, known *signatures) (err error) {
	if h.journal, err = known.journalHead(id, h.owner.Service, h.raw[0]); err != nil {
		return err
	}
	if h.journal.Restore != h.owner.Restore {
		return ErrStale
	}
	for c, ring := range rings {
		if c == Owner {
			h.indexes[c] = ownerIndex(h.owner)
			continue
		}
		h.raw[c] = raw[c]
		ix, err := openIndex(id, c, h.raw[c], ring)
		if err != nil {
			return err
		}
		if k, ok := keysOf(h.owner, c); !ok || k.Generation != ix.generation {
			return tampered("%s head", c)
		}
		if ix.restore != h.owner.Restore {
			return ErrStale
		}
		h.indexes[c] = ix
	}
	return nil
}

// readRawHeads fetches the heads as they are stored, the journal's under 0, and with
// them a stop under stopPlace.
func readRawHeads(tx *storage.Tx, id ID) (map[Compartment][]byte, error) {
	records, err := tx.Scan(id.key("h/"), "", 8)
	if err != nil {
		return nil, err
	}
	raw := map[Compartment][]byte{}
	for _, r := range records {
		switch r.Key {
		case id.key("h/j"):
			raw[0] = r.Value
		case id.head(Owner):
			raw[Owner] = r.Value
		case id.head(Shared):
			raw[Shared] = r.Value
		case id.head(Private):
			raw[Private] = r.Value
		case id.stop():
			raw[stopPlace] = r.Value
		case id.uses():
			raw[usesPlace] = r.Value
		}
	}
	return raw, nil
}

// ownerIndex gives Owner's pages, whose digests are in the owner head, the shape
// of the other compartments. How full they are is known once they are loaded.
func ownerIndex(h *seal.OwnerHead) *index {
	k, _ := keysOf(h, Owner)
	ix := &index{version: h.Version, generation: k.Generation}
	ix.Pages = slices.Clone(h.Pages)
	ix.Counts = make([]uint16, len(ix.Pages))
	ix.reset()
	return ix
}
