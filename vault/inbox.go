package vault

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
)

// Who cannot write a compartment leaves things in its inbox: sealed to the public
// key that the owner head names, and opened by nobody until the person's next
// sign-in takes them in. A deposit as stored, V/in/<s|p>/<line>:
//
//	clear CBOR{1: its line in the journal, 2: generation of the inbox, 3: parts, 4: what it takes beside them}
//	boxed to the inbox: CBOR{1: item, 2: revision, 3: facts, 4: data keys of the parts,
//	  5: signature of the origin, 6: signature of this revision, 7: the person's rules say where it shall lie}
//
// Anybody can seal to an inbox. What makes a deposit one is its line in the journal,
// which is written by the same commit, is signed by who left it, and names the
// digest of the record: without its line a record is nothing, and a line without
// its record is a gap that shows (B6).
type depositClear struct {
	Line       uint64 `cbor:"1,keyasint"`
	Generation uint64 `cbor:"2,keyasint"`
	Parts      []part `cbor:"3,keyasint,omitempty"`
	// Takes is what the record counts against the space; 0: its own length. Who makes
	// a paper private leaves the space as it is, also where nothing is left of it.
	Takes int64 `cbor:"4,keyasint,omitempty"`
}

type depositBody struct {
	Item     [16]byte  `cbor:"1,keyasint"`
	Revision uint64    `cbor:"2,keyasint"`
	Facts    []byte    `cbor:"3,keyasint"`
	Keys     [][]byte  `cbor:"4,keyasint,omitempty"`
	Origin   signature `cbor:"5,keyasint"`
	Author   signature `cbor:"6,keyasint"`
	Ruled    bool      `cbor:"7,keyasint,omitempty"`
}

// deposit is a record on its way into an inbox.
type deposit struct {
	record *record
	to     Compartment
	ruled  bool  // the person's rules say where it shall lie in the end
	takes  int64 // against the space, beside the parts; 0: its own length
}

func (id ID) deposit(c Compartment, line uint64) string {
	return id.key("in/" + c.letter() + "/" + fixed(line))
}

func (id ID) depositContext(c Compartment, generation, line uint64) seal.Context {
	return id.bind(seal.TypeDeposit, c, generation, binary.BigEndian.AppendUint64(nil, line), 0)
}

// The line of a deposit says, as Detail:
const (
	detailDeposit = "deposit" // digest of the record, in hexadecimal
	detailInbox   = "inbox"   // "shared" or "private"
	detailTakes   = "bytes"   // that it takes, all in all
	detailGrant   = "grant"   // by which it was left
	detailKind    = "kind"
)

// leave puts a deposit and its line into the commit, and charges what it takes; its
// blobs are settled by who wrote them. The line tells the kind, and the name only
// if it is not meant for Private.
func (t *turn) leave(d deposit, act Act) error {
	line := t.heads.journal.Count + uint64(len(t.entries)) + 1
	record, err := t.sealDeposit(d, line)
	if err != nil {
		return err
	}
	takes := d.takes
	if takes == 0 {
		takes = int64(len(record))
		if err := t.charge(takes); err != nil {
			return err
		}
	}
	if err := t.countLeft(takes + d.record.blobBytes()); err != nil {
		return err
	}
	t.tx.PutUnique(t.v.id.deposit(d.to, line), record)
	digest, it := seal.Digest(record), *d.record.item
	if d.to == Private {
		it.Name = ""
	}
	t.note(act, &it, map[string]string{
		detailDeposit: hex.EncodeToString(digest[:]), detailInbox: d.to.String(), detailKind: it.Kind.String(),
		detailTakes: strconv.FormatInt(takes+d.record.blobBytes(), 10), detailGrant: t.v.guest.grant.String(),
	})
	return nil
}

func (t *turn) sealDeposit(d deposit, line uint64) ([]byte, error) {
	v, r := t.v, d.record
	keys, ok := keysOf(t.heads.owner, d.to)
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil || !ok { // D7
		return nil, tampered("owner head")
	}
	if len(r.originSig.Bytes) == 0 {
		message, err := seal.Marshal(r.item.Origin.facts())
		if err != nil {
			return nil, err
		}
		r.originSig = t.sign(originContext(v.id, r.item.ID), message)
	}
	facts, err := seal.Marshal(r.item.facts())
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(depositBody{
		Item: r.item.ID, Revision: r.item.Revision, Facts: facts, Keys: r.keys, Origin: r.originSig, Ruled: d.ruled,
		Author: t.sign(revisionContext(v.id, r.item.ID, r.item.Revision), facts),
	})
	if err != nil {
		return nil, err
	}
	clear, err := seal.Marshal(depositClear{Line: line, Generation: keys.Generation, Parts: r.parts, Takes: d.takes})
	if err != nil {
		return nil, err
	}
	return inbox.Seal(v.id.depositContext(d.to, keys.Generation, line), clear, body)
}

// parseDepositClear reads what a deposit says without any key.
func parseDepositClear(stored []byte) (c depositClear, err error) {
	t, raw, err := seal.ParseClear(stored)
	if err != nil || t != seal.TypeDeposit || seal.Unmarshal(raw, &c) != nil {
		return c, errors.New("malformed deposit")
	}
	return c, nil
}

// opened is a deposit that the inbox's key has opened. Who made it is not known yet.
type opened struct {
	clear depositClear
	body  depositBody
	item  *Item
	facts recordFacts
}

// openDeposit opens a deposit in its place: of this vault, this compartment and this
// line. What is in it is checked for its form alone.
func openDeposit(id ID, c Compartment, line uint64, stored []byte, ring *ring) (*opened, error) {
	broken := tampered("deposit of line %d", line)
	clear, err := parseDepositClear(stored)
	if err != nil || clear.Line != line {
		return nil, broken
	}
	gen, ok := ring.generation(clear.Generation)
	if !ok {
		return nil, broken
	}
	_, raw, err := gen.inbox.Open(id.depositContext(c, clear.Generation, line), stored)
	if err != nil { // B7: of another vault, or for another place
		return nil, broken
	}
	o := &opened{clear: clear}
	if seal.Unmarshal(raw, &o.body) != nil || seal.Unmarshal(o.body.Facts, &o.facts) != nil || len(o.body.Keys) != len(clear.Parts) {
		return nil, broken
	}
	o.item = &Item{ID: o.body.Item, Compartment: c, Revision: o.body.Revision}
	if !o.facts.fill(o.item) || !o.wellFormed(id) {
		return nil, broken
	}
	return o, nil
}

// wellFormed says whether it can become an item as it is.
func (o *opened) wellFormed(id ID) bool {
	it := o.item
	if again, err := seal.Marshal(it.facts()); err != nil || !slices.Equal(again, o.body.Facts) {
		return false // it would be written as something else than was signed (I2)
	}
	if it.ID.IsZero() || it.Revision == 0 || it.Kind == KindFolder || !it.Binned.IsZero() || it.check() != nil {
		return false
	}
	if it.Document == nil {
		return len(o.clear.Parts) == 0
	}
	if len(o.clear.Parts) != 1 {
		return false
	}
	p := o.clear.Parts[0]
	return p.Role == roleContent && p.Length == seal.SealedSize(it.Document.Size) && len(id.ownParts(o.clear.Parts)) == 1
}
