package vault

import (
	"crypto/sha256"
	"encoding"
	"errors"
	"hash"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
)

// An upload that goes on, as stored, V/u/<item>:
//
//	clear CBOR{1: generation, 2: parts that are there}      so that a sweeper finds its blobs
//	sealed under the compartment's generation, bound to vault, compartment and item:
//	  CBOR{1: facts, 2: signature of its maker}
//
// The store learns no name from it. It is named by no page, so that the store can set
// it back: what it then gets is sent once more. Only its maker goes on with it, and
// only what they signed is believed: whoever holds the compartment's key cannot put
// bytes into a document that another will sign (B7, N9).
type uploadClear struct {
	Generation uint64 `cbor:"1,keyasint"`
	Parts      []part `cbor:"2,keyasint,omitempty"`
}

type uploadBody struct {
	Facts     []byte    `cbor:"1,keyasint"`
	Signature signature `cbor:"2,keyasint"`
}

type uploadFacts struct {
	Name      string   `cbor:"1,keyasint"`
	Folder    []byte   `cbor:"2,keyasint,omitempty"`
	MediaType string   `cbor:"3,keyasint"`
	Issued    Date     `cbor:"4,keyasint,omitempty"`
	Expires   Date     `cbor:"5,keyasint,omitempty"`
	Channel   string   `cbor:"6,keyasint"`
	By        Actor    `cbor:"7,keyasint"`
	Size      int64    `cbor:"8,keyasint"`
	Until     int64    `cbor:"9,keyasint"`  // unix milliseconds; over unless a part comes before
	Parts     [32]byte `cbor:"10,keyasint"` // digest of the clear header's parts
	Keys      [][]byte `cbor:"11,keyasint,omitempty"`
	Hash      []byte   `cbor:"12,keyasint"` // state of SHA-256 over what is there
}

// pending is an upload that was opened.
type pending struct {
	item        ItemID
	compartment Compartment
	facts       uploadFacts
	parts       []part
	extents     []extent
}

func uploadContext(id ID, c Compartment, generation uint64, item ItemID) seal.Context {
	return id.bind(seal.TypeUpload, c, generation, item[:], 0)
}

// uploadReservation is the name of what is reserved for an upload as a whole; the
// blob that it names is none, but the upload itself (sweep.go).
const uploadReservation = "upload-"

func isUploadReservation(id string) bool { return strings.HasPrefix(id, uploadReservation) }

func (p *pending) reservation() string { return uploadReservation + p.item.String() }

// uploadNamed is the item of whose upload this is the name.
func (id ID) uploadNamed(name string) (ItemID, bool) {
	rest, ours := strings.CutPrefix(name, id.key(""))
	item, err := ParseItemID(rest)
	return item, ours && err == nil
}

// offset is how many bytes are there.
func (p *pending) offset() int64 {
	if n := len(p.parts); n < len(p.extents) {
		return p.extents[n].offset
	}
	return p.facts.Size
}

func (p *pending) complete() bool { return len(p.parts) == len(p.extents) }

// stored is how long the blobs of the whole will be.
func (p *pending) stored() (n int64) {
	for _, e := range p.extents {
		n += e.sealed()
	}
	return n
}

func (p *pending) state() Upload {
	return Upload{ID: p.item, Size: p.facts.Size, Offset: p.offset(), Part: p.extents[0].size, Until: time.UnixMilli(p.facts.Until).UTC()}
}

// hash goes on where the parts that are there have ended.
func (p *pending) hash() (hash.Hash, error) {
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.facts.Hash); err != nil {
		return nil, tampered("upload %s", p.item)
	}
	return h, nil
}

func hashState(h hash.Hash) ([]byte, error) { return h.(encoding.BinaryMarshaler).MarshalBinary() }

func partsDigest(parts []part) ([32]byte, error) {
	b, err := seal.Marshal(uploadClear{Parts: parts})
	return seal.Digest(b), err
}

// keepUpload writes an upload into the commit, under the present generation.
func (t *turn) keepUpload(p *pending) (err error) {
	ring, reached := t.rings[p.compartment]
	if !reached {
		return ErrNotAllowed
	}
	gen := ring.current()
	p.facts.Until = t.now.Add(UploadKeeps).UnixMilli()
	if p.facts.Parts, err = partsDigest(p.parts); err != nil {
		return err
	}
	facts, err := seal.Marshal(p.facts)
	if err != nil {
		return err
	}
	body, err := seal.Marshal(uploadBody{Facts: facts, Signature: t.sign(uploadContext(t.v.id, 0, 0, p.item), facts)})
	if err != nil {
		return err
	}
	clear, err := seal.Marshal(uploadClear{Generation: gen.number, Parts: p.parts})
	if err != nil {
		return err
	}
	sealed, err := gen.key.Seal(uploadContext(t.v.id, p.compartment, gen.number, p.item), clear, body)
	if err != nil {
		return err
	}
	t.tx.PutUnique(t.v.id.upload(p.item), sealed)
	return nil
}

// parseUploadClear reads what an upload says without any key.
func parseUploadClear(stored []byte) (c uploadClear, err error) {
	t, raw, err := seal.ParseClear(stored)
	if err != nil || t != seal.TypeUpload || seal.Unmarshal(raw, &c) != nil {
		return c, errors.New("malformed upload")
	}
	return c, nil
}

// findUpload opens an upload of whoever acts; the commit checks that it is still this
// one. ErrNotFound for another's, and for one of before the keys of the vault or of the
// compartment were changed: who had those shall not go on with it.
func (t *turn) findUpload(item ItemID) (*pending, error) {
	if err := t.mayAdd(); err != nil {
		return nil, err
	}
	rec, err := t.tx.Get(t.v.id.upload(item))
	if isNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	broken := tampered("upload %s", item)
	clear, err := parseUploadClear(rec.Value)
	if err != nil {
		return nil, broken
	}
	known := false
	for _, c := range []Compartment{Shared, Private} {
		ring, reached := t.rings[c]
		if !reached {
			continue
		}
		gen, ok := ring.generation(clear.Generation)
		if !ok {
			continue
		}
		known = true
		_, sealed, err := gen.key.Open(uploadContext(t.v.id, c, clear.Generation, item), rec.Value)
		if err == nil {
			return t.openUpload(&pending{item: item, compartment: c, parts: clear.Parts}, sealed)
		}
	}
	if known && t.v.guest == nil && t.rings[Private] != nil {
		return nil, broken
	}
	return nil, ErrNotFound
}

// openUpload verifies what was sealed.
func (t *turn) openUpload(p *pending, sealed []byte) (*pending, error) {
	broken := tampered("upload %s", p.item)
	var body uploadBody
	if seal.Unmarshal(sealed, &body) != nil || seal.Unmarshal(body.Facts, &p.facts) != nil {
		return nil, broken
	}
	if err := t.authors().check(p.facts.By, body.Signature, uploadContext(t.v.id, 0, 0, p.item), body.Facts); err != nil {
		return nil, authorError(err, broken)
	}
	if by, me := p.facts.By, t.v.actor; by.Kind != me.Kind || by.ID != me.ID || by.RelayID != me.RelayID {
		return nil, ErrNotFound
	}
	if t.v.guest == nil && !slices.Equal(body.Signature.Key, t.heads.owner.Key) {
		return nil, ErrNotFound
	}
	digest, err := partsDigest(p.parts)
	if err != nil || digest != p.facts.Parts || p.facts.Size < 1 || p.facts.Size > seal.MaxStream || len(p.facts.Keys) != len(p.parts) {
		return nil, broken
	}
	if p.extents = extentsOf(p.facts.Size); len(p.parts) > len(p.extents) {
		return nil, broken
	}
	if t.now.UnixMilli() >= p.facts.Until {
		return nil, ErrUploadExpired
	}
	return p, nil
}
