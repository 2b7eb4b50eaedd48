package vault

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
)

// record is an item with what only its stored form knows: where its bytes lie,
// under which keys, and who signed it. As stored, V/i/<item>:
//
//	clear CBOR{1: revision, 2: generation, 3: parts}      checkable without any key (Control)
//	sealed under the compartment's generation, bound to vault, compartment, item, revision:
//	  CBOR{1: facts, 2: data keys of the parts, 3: signature of the origin, 4: signature of this revision}
//
// The clear header does not say in which compartment the item lies.
type record struct {
	item      *Item
	parts     []part   // of its bytes, in their order
	keys      [][]byte // data key of each
	small     *smallPart
	originSig signature
	stored    int64 // length of the record
	// generation under which it lies
	generation uint64
}

// part is one blob of an item.
type part struct {
	Role   string `cbor:"1,keyasint"` // "content", of which a document that was uploaded in pieces has several; "thumbnail"
	Blob   string `cbor:"2,keyasint"`
	Length int64  `cbor:"3,keyasint"` // bytes of the blob, padded and sealed
	Digest []byte `cbor:"4,keyasint"` // SHA-256 of the blob
	// Revision of the item that the blob was written for: it is bound to it.
	Revision uint64 `cbor:"5,keyasint"`
}

const roleContent = "content"

type recordClear struct {
	Revision   uint64 `cbor:"1,keyasint"`
	Generation uint64 `cbor:"2,keyasint"`
	Parts      []part `cbor:"3,keyasint,omitempty"`
}

type recordBody struct {
	Facts    []byte    `cbor:"1,keyasint"`
	Keys     [][]byte  `cbor:"2,keyasint,omitempty"`
	Origin   signature `cbor:"3,keyasint"`
	Revision signature `cbor:"4,keyasint"`
}

type recordFacts struct {
	Kind        Kind             `cbor:"1,keyasint"`
	Name        string           `cbor:"2,keyasint"`
	Folder      []byte           `cbor:"3,keyasint,omitempty"`
	Changed     int64            `cbor:"4,keyasint"` // unix milliseconds
	Binned      int64            `cbor:"5,keyasint,omitempty"`
	Origin      originFacts      `cbor:"6,keyasint"`
	Document    *documentFacts   `cbor:"7,keyasint,omitempty"`
	Contact     *contactFacts    `cbor:"8,keyasint,omitempty"`
	Appointment *appointmentFact `cbor:"9,keyasint,omitempty"`
	Note        string           `cbor:"10,keyasint,omitempty"`
	Data        []byte           `cbor:"11,keyasint,omitempty"`
}

type originFacts struct {
	By      Actor  `cbor:"1,keyasint"`
	Channel string `cbor:"2,keyasint"`
	At      int64  `cbor:"3,keyasint"`
	Digest  []byte `cbor:"4,keyasint,omitempty"`
}

type documentFacts struct {
	MediaType string `cbor:"1,keyasint"`
	Size      int64  `cbor:"2,keyasint"`
	Digest    []byte `cbor:"3,keyasint"`
	Issued    Date   `cbor:"4,keyasint,omitempty"`
	Expires   Date   `cbor:"5,keyasint,omitempty"`
}

type contactFacts struct {
	Role    string   `cbor:"1,keyasint,omitempty"`
	Phones  []string `cbor:"2,keyasint,omitempty"`
	Emails  []string `cbor:"3,keyasint,omitempty"`
	Address string   `cbor:"4,keyasint,omitempty"`
	Note    string   `cbor:"5,keyasint,omitempty"`
}

type appointmentFact struct {
	Start    int64  `cbor:"1,keyasint"` // unix milliseconds
	Duration int64  `cbor:"2,keyasint,omitempty"`
	Zone     string `cbor:"3,keyasint"`
	AllDay   bool   `cbor:"4,keyasint,omitempty"`
	Place    string `cbor:"5,keyasint,omitempty"`
	With     string `cbor:"6,keyasint,omitempty"`
	Note     string `cbor:"7,keyasint,omitempty"`
}

func (it *Item) facts() recordFacts {
	f := recordFacts{Kind: it.Kind, Name: it.Name, Changed: it.Changed.UnixMilli(), Origin: it.Origin.facts()}
	if !it.Folder.IsZero() {
		f.Folder = it.Folder[:]
	}
	if !it.Binned.IsZero() {
		f.Binned = it.Binned.UnixMilli()
	}
	if d := it.Document; d != nil {
		f.Document = &documentFacts{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest, Issued: d.Issued, Expires: d.Expires}
	}
	if c := it.Contact; c != nil {
		f.Contact = &contactFacts{Role: c.Role, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Note: c.Note}
	}
	if a := it.Appointment; a != nil {
		f.Appointment = &appointmentFact{Start: a.Start.UnixMilli(), Duration: a.Duration.Milliseconds(), Zone: a.Zone, AllDay: a.AllDay, Place: a.Place, With: a.With, Note: a.Note}
	}
	if it.Note != nil {
		f.Note = it.Note.Text
	}
	f.Data = it.Data
	if it.Document != nil {
		f.Data = it.Document.pack()
	}
	return f
}

func (o Origin) facts() originFacts {
	return originFacts{By: o.By, Channel: o.Channel, At: o.At.UnixMilli(), Digest: o.Digest}
}

// fill is the inverse of facts.
func (f *recordFacts) fill(it *Item) bool {
	it.Kind, it.Name, it.Changed = f.Kind, f.Name, time.UnixMilli(f.Changed).UTC()
	copy(it.Folder[:], f.Folder)
	if f.Binned != 0 {
		it.Binned = time.UnixMilli(f.Binned).UTC()
	}
	it.Origin = Origin{By: f.Origin.By, Channel: f.Origin.Channel, At: time.UnixMilli(f.Origin.At).UTC(), Digest: f.Origin.Digest}
	if d := f.Document; d != nil {
		it.Document = &Document{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest, Issued: d.Issued, Expires: d.Expires}
	}
	if c := f.Contact; c != nil {
		it.Contact = &Contact{Role: c.Role, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Note: c.Note}
	}
	if a := f.Appointment; a != nil {
		it.Appointment = &Appointment{Start: time.UnixMilli(a.Start).UTC(), Duration: time.Duration(a.Duration) * time.Millisecond, Zone: a.Zone, AllDay: a.AllDay, Place: a.Place, With: a.With, Note: a.Note}
	}
	if f.Kind == KindNote {
		it.Note = &Note{Text: f.Note}
	}
	if it.Document == nil {
		it.Data = f.Data
	} else if !it.Document.unpack(f.Data) {
		return false
	}
	want := map[Kind]bool{KindDocument: f.Document != nil, KindContact: f.Contact != nil, KindAppointment: f.Appointment != nil, KindNote: true, KindFolder: true, KindData: true}
	return want[f.Kind]
}

// originContext and revisionContext bind signatures to the item. The origin's
// outlives edits and moves; the revision's covers the facts of one revision, so
// that nobody who merely holds a compartment's key can speak for another (N9).
func originContext(id ID, item ItemID) seal.Context {
	return id.bind(seal.TypeOrigin, 0, 0, item[:], 0)
}

func revisionContext(id ID, item ItemID, revision uint64) seal.Context {
	return id.bind(seal.TypeRevision, 0, 0, item[:], revision)
}

// put seals a record into the commit, enters it in its page, and charges the
// difference of its own length to the quota. Blobs are settled by who wrote them.
func (t *turn) put(r *record) error {
	if !t.resealing { // sealing anew under new keys is no change
		if err := errors.Join(t.changing(), t.mayAdd()); err != nil {
			return err
		}
	}
	v, it := t.v, r.item
	ring, reached := t.rings[it.Compartment]
	if !reached {
		return ErrNotAllowed
	}
	if err := t.remindersFollow(r); err != nil {
		return err
	}
	gen := ring.current()
	if len(r.originSig.Bytes) == 0 {
		message, err := seal.Marshal(it.Origin.facts())
		if err != nil {
			return err
		}
		r.originSig = t.sign(originContext(v.id, it.ID), message)
	}
	facts, err := seal.Marshal(it.facts())
	if err != nil {
		return err
	}
	body, err := seal.Marshal(recordBody{
		Facts: facts, Keys: r.allKeys(), Origin: r.originSig,
		Revision: t.sign(revisionContext(v.id, it.ID, it.Revision), facts),
	})
	if err != nil {
		return err
	}
	clear, err := seal.Marshal(recordClear{Revision: it.Revision, Generation: gen.number, Parts: r.allParts()})
	if err != nil {
		return err
	}
	sealed, err := gen.key.Seal(v.id.bind(seal.TypeItem, it.Compartment, gen.number, it.ID[:], it.Revision), clear, body)
	if err != nil {
		return err
	}
	if err := t.charge(int64(len(sealed)) - r.stored); err != nil {
		return err
	}
	r.stored = int64(len(sealed))
	t.tx.PutUnique(v.id.item(it.ID), sealed)
	return t.enter(it.Compartment, pageEntry{id: it.ID, revision: it.Revision, hash: seal.Digest(sealed)})
}

// quota are the books of this turn.
func (t *turn) quota() *quota.Quota { return t.v.service.cfg.Quota.Beside(t.beside) }

// outOf finds the document that gives its space to what comes out of it, and is destroyed
// then; within this turn its space counts as free. Not another revision than the one that is
// read: somebody has put other bytes there, which would be lost (N103).
func (t *turn) outOf(id ItemID, revision uint64) (*record, error) {
	r, err := t.findRevision(id, revision)
	if err == nil && r.item.Kind != KindDocument {
		err = &InvalidError{Field: "item", Problem: "is not a document"}
	}
	if err == nil {
		err = t.mayRemove()
	}
	if err != nil {
		return nil, err
	}
	t.beside = r.stored + r.blobBytes()
	return r, nil
}

func (t *turn) charge(delta int64) error {
	if delta == 0 {
		return nil
	}
	return t.quota().Charge(t.tx, t.v.id.String(), delta)
}

// openRecord opens an item against its page entry.
func openRecord(id ID, c Compartment, e pageEntry, stored []byte, ring *ring, by authors) (*record, error) {
	item := ItemID(e.id)
	broken := tampered("item %s", item)
	if seal.Digest(stored) != e.hash { // A6, B1, C1: another or an older record
		return nil, broken
	}
	clear, err := parseRecordClear(stored)
	if err != nil || clear.Revision != e.revision {
		return nil, broken
	}
	gen, ok := ring.generation(clear.Generation)
	if !ok {
		return nil, broken
	}
	_, sealed, err := gen.key.Open(id.bind(seal.TypeItem, c, clear.Generation, e.id[:], e.revision), stored)
	if err != nil { // A2, B5: of another vault, compartment or item
		return nil, broken
	}
	var body recordBody
	var facts recordFacts
	if seal.Unmarshal(sealed, &body) != nil || seal.Unmarshal(body.Facts, &facts) != nil || len(body.Keys) != len(clear.Parts) {
		return nil, broken
	}
	it := &Item{ID: item, Compartment: c, Revision: e.revision}
	if !facts.fill(it) {
		return nil, broken
	}
	if again, err := seal.Marshal(it.facts()); err != nil || !slices.Equal(again, body.Facts) {
		return nil, broken // it would be written back as something else than was signed (I2)
	}
	origin, err := seal.Marshal(facts.Origin)
	if err != nil {
		return nil, broken
	}
	// B7: who made it, and who changed it last, must have signed it.
	if err := by.check(it.Origin.By, body.Origin, originContext(id, item), origin); err != nil {
		return nil, authorError(err, broken)
	}
	if _, err := by.of(body.Revision, revisionContext(id, item, e.revision), body.Facts); err != nil {
		return nil, authorError(err, broken)
	}
	r := &record{item: it, originSig: body.Origin, stored: int64(len(stored)), generation: clear.Generation}
	r.hold(clear.Parts, body.Keys)
	if it.Document != nil {
		// N9: who may change a paper that somebody else brought must not put another in
		// its place under their name.
		if !slices.Equal(it.Document.Digest, it.Origin.Digest) {
			return nil, broken
		}
		if !r.holdsDocument() {
			return nil, broken
		}
		r.describe()
	}
	return r, nil
}

// parseRecordClear reads what an item's record says without any key.
func parseRecordClear(stored []byte) (c recordClear, err error) {
	t, raw, err := seal.ParseClear(stored)
	if err != nil || t != seal.TypeItem || seal.Unmarshal(raw, &c) != nil {
		return c, errors.New("malformed item record")
	}
	return c, nil
}

func (r *record) blobBytes() int64 { return partBytes(r.allParts()) }

func partBytes(parts []part) (n int64) {
	for _, p := range parts {
		n += p.Length
	}
	return n
}

// find loads an item from whichever compartment within reach lists it.
func (t *turn) find(id ItemID) (*record, error) {
	if err := t.maySee(); err != nil {
		return nil, err
	}
	if g := t.v.guest; g != nil && g.chosen != nil {
		return g.find(id)
	}
	for _, c := range []Compartment{Shared, Private} {
		if _, reached := t.heads.indexes[c]; !reached {
			continue
		}
		_, e, found, err := t.lookup(c, id)
		if err != nil {
			return nil, err
		}
		if found {
			return t.load(c, e)
		}
	}
	return nil, ErrNotFound // B3: a record that no page lists does not exist
}

func (t *turn) load(c Compartment, e pageEntry) (*record, error) {
	// Not through the transaction: the hash in the page fixes the record, and the
	// head that names the page is checked at the commit.
	rec, err := t.v.service.cfg.Store.Get(t.ctx, t.v.id.item(e.id))
	if isNotFound(err) {
		return nil, &MissingError{Item: e.id} // B2
	}
	if err != nil {
		return nil, storageError(err)
	}
	return openRecord(t.v.id, c, e, rec.Value, t.rings[c], t.authors())
}

// findRevision is find for a change that names the revision it saw. A small picture that
// came since then is nobody's edit: whoever has the paper open does not hear of one.
func (t *turn) findRevision(id ItemID, revision uint64) (*record, error) {
	r, err := t.find(id)
	if err == nil && r.item.Revision != revision && (!r.isPicturedOnly() || r.item.Revision != revision+1) {
		return nil, ErrRevision
	}
	return r, err
}

// loaded is one item of a listing: a record, or why it cannot be shown.
type loaded struct {
	id     ItemID
	record *record
	err    error
}

// some loads the items of these ids that are listed, one by one. One that was altered
// or is missing is named in its place.
func (t *turn) some(ids []ItemID) (out []loaded, err error) {
	for _, id := range ids {
		r, err := t.find(id)
		switch {
		case errors.Is(err, ErrTampered):
			out = append(out, loaded{id, nil, err})
		case err == nil:
			out = append(out, loaded{id, r, nil})
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	return out, nil
}

// all loads every item within reach with one pass over the vault's records. An
// item that was altered or is missing is named in its place; the others stand.
func (t *turn) all() ([]loaded, error) { return t.allOf(Shared, Private) }

// fewItems are sooner loaded one by one than found among all.
const fewItems = 16

// allOf is all, of some compartments.
func (t *turn) allOf(these ...Compartment) ([]loaded, error) {
	if err := t.maySee(); err != nil {
		return nil, err
	}
	if g := t.v.guest; g != nil && g.chosen != nil {
		return g.all(), nil
	}
	type place struct {
		c     Compartment
		entry pageEntry
	}
	places := map[ItemID]place{}
	for _, c := range []Compartment{Shared, Private} {
		ix, reached := t.heads.indexes[c]
		if !reached || !slices.Contains(these, c) {
			continue
		}
		for n := range ix.Pages {
			p, err := t.page(c, n)
			if err != nil {
				return nil, err
			}
			for _, e := range p.entries {
				places[e.id] = place{c, e}
			}
		}
	}
	if len(these) == 1 && len(places) <= fewItems {
		return t.some(slices.Collect(maps.Keys(places)))
	}
	out := make([]loaded, 0, len(places))
	prefix := t.v.id.key("i/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		id, err := ParseItemID(rec.Key[len(prefix):])
		if err != nil {
			continue
		}
		p, listed := places[id]
		if !listed {
			continue // B1, B3: injected or undeleted; or out of reach
		}
		delete(places, id)
		r, err := openRecord(t.v.id, p.c, p.entry, rec.Value, t.rings[p.c], t.authors())
		out = append(out, loaded{id, r, err})
	}
	for id := range places {
		out = append(out, loaded{id, nil, &MissingError{Item: id}})
	}
	slices.SortFunc(out, func(a, b loaded) int { return bytes.Compare(a.id[:], b.id[:]) })
	return out, nil
}
