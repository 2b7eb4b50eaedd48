package vault

import (
	"bytes"
	"cmp"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// An index page lists up to 256 items of one compartment with the hash of each
// record, sealed and of one size. Every read and every edit finds its entry
// first, so that an old, a missing or an injected record is refused and named
// (B1, B2, B3, C1).
//
//	V/x/<c>/<n>  clear CBOR{1: generation} | sealed: 2-byte count, entries of 56 bytes (id, revision, hash), zeros
//
// The head names each page by its digest, so that a page needs no version.
type page struct {
	entries    []pageEntry // by id
	generation uint64      // under which it is sealed; 0: not yet
}

type pageEntry struct {
	id       [16]byte
	revision uint64
	hash     [32]byte
}

const (
	pageEntries   = 256
	pageEntrySize = 16 + 8 + 32
	pageSize      = 2 + pageEntries*pageEntrySize
)

type pageClear struct {
	Generation uint64 `cbor:"1,keyasint"`
}

func (p *page) find(id [16]byte) (int, bool) {
	return slices.BinarySearchFunc(p.entries, id, func(e pageEntry, id [16]byte) int { return bytes.Compare(e.id[:], id[:]) })
}

func (p *page) set(e pageEntry) {
	i, found := p.find(e.id)
	if found {
		p.entries[i] = e
		return
	}
	p.entries = slices.Insert(p.entries, i, e)
}

func (p *page) remove(id [16]byte) {
	if i, found := p.find(id); found {
		p.entries = slices.Delete(p.entries, i, i+1)
	}
}

func (p *page) clone() *page {
	return &page{entries: slices.Clone(p.entries), generation: p.generation}
}

func (p *page) marshal() []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, pageSize), uint16(len(p.entries)))
	for _, e := range p.entries {
		b = append(b, e.id[:]...)
		b = binary.BigEndian.AppendUint64(b, e.revision)
		b = append(b, e.hash[:]...)
	}
	return b[:pageSize] // the rest is zeros
}

var errPage = errors.New("malformed page")

func parsePage(b []byte) (*page, error) {
	if len(b) != pageSize {
		return nil, errPage
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > pageEntries {
		return nil, errPage
	}
	p, rest := &page{entries: make([]pageEntry, n)}, b[2:]
	for i := range p.entries {
		e := &p.entries[i]
		copy(e.id[:], rest)
		e.revision = binary.BigEndian.Uint64(rest[16:])
		copy(e.hash[:], rest[24:])
		rest = rest[pageEntrySize:]
		if i > 0 && cmp.Compare(bytes.Compare(p.entries[i-1].id[:], e.id[:]), 0) >= 0 {
			return nil, errPage
		}
	}
	if slices.ContainsFunc(rest, func(c byte) bool { return c != 0 }) {
		return nil, errPage
	}
	return p, nil
}

func sealPage(id ID, c Compartment, n int, p *page, gen *generation) ([]byte, error) {
	clear, err := seal.Marshal(pageClear{Generation: gen.number})
	if err != nil {
		return nil, err
	}
	return gen.key.Seal(id.bind(seal.TypePage, c, gen.number, pageObject(n), 0), clear, p.marshal())
}

func openPage(id ID, c Compartment, n int, record []byte, digest []byte, ring *ring) (*page, error) {
	sum := seal.Digest(record)
	if subtle.ConstantTimeCompare(sum[:], digest) != 1 { // C1: an older page
		return nil, tampered("%s index page %d", c, n)
	}
	_, clear, err := seal.ParseClear(record)
	var h pageClear
	if err == nil {
		err = seal.Unmarshal(clear, &h)
	}
	if err != nil {
		return nil, tampered("%s index page %d", c, n)
	}
	gen, ok := ring.generation(h.Generation)
	if !ok {
		return nil, tampered("%s index page %d", c, n)
	}
	_, body, err := gen.key.Open(id.bind(seal.TypePage, c, h.Generation, pageObject(n), 0), record)
	if err != nil {
		return nil, tampered("%s index page %d", c, n)
	}
	p, err := parsePage(body)
	if err != nil {
		return nil, tampered("%s index page %d", c, n)
	}
	p.generation = h.Generation
	return p, nil
}

func pageObject(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// page loads page n of a compartment, from the handle's memory where its digest
// is known. What a turn changes, it changes in a copy.
func (t *turn) page(c Compartment, n int) (*page, error) {
	ix := t.heads.indexes[c]
	if p, ok := ix.loaded[n]; ok {
		return p, nil
	}
	p, ok := t.v.pages.get(ix.Pages[n])
	if !ok {
		// Not through the transaction: the digest in the head, which is, fixes the page.
		rec, err := t.v.service.cfg.Store.Get(t.ctx, t.v.id.page(c, n))
		if err != nil {
			return nil, missing(err, "%s index page %d", c, n)
		}
		if p, err = openPage(t.v.id, c, n, rec.Value, ix.Pages[n], t.rings[c]); err != nil {
			return nil, err
		}
		t.v.pages.put(ix.Pages[n], p)
	}
	p = p.clone()
	ix.loaded[n] = p
	ix.Counts[n] = uint16(len(p.entries))
	return p, nil
}

// lookup finds the page and the entry of an object in one compartment.
func (t *turn) lookup(c Compartment, id [16]byte) (int, pageEntry, bool, error) {
	ix, reached := t.heads.indexes[c]
	if !reached {
		return 0, pageEntry{}, false, ErrNotAllowed
	}
	for n := range ix.Pages {
		p, err := t.page(c, n)
		if err != nil {
			return 0, pageEntry{}, false, err
		}
		if i, found := p.find(id); found {
			return n, p.entries[i], true, nil
		}
	}
	return 0, pageEntry{}, false, nil
}

// enter puts an entry where the object already is, or on the first page with room.
func (t *turn) enter(c Compartment, e pageEntry) error {
	n, _, found, err := t.lookup(c, e.id) // loads every page, so that the counts are true
	if err != nil {
		return err
	}
	ix := t.heads.indexes[c]
	if !found {
		n = slices.IndexFunc(ix.Counts, func(count uint16) bool { return count < pageEntries })
		if n < 0 {
			n = len(ix.Pages)
			ix.Pages, ix.Counts = append(ix.Pages, nil), append(ix.Counts, 0)
			ix.loaded[n] = &page{}
		}
	}
	ix.loaded[n].set(e)
	ix.Counts[n] = uint16(len(ix.loaded[n].entries))
	ix.changed[n], ix.dirty = true, true
	return nil
}

// strike removes an entry.
func (t *turn) strike(c Compartment, id [16]byte) error {
	n, _, found, err := t.lookup(c, id)
	if err != nil || !found {
		return err
	}
	ix := t.heads.indexes[c]
	ix.loaded[n].remove(id)
	ix.Counts[n] = uint16(len(ix.loaded[n].entries))
	ix.changed[n], ix.dirty = true, true
	return nil
}

// flush seals the changed pages of a compartment into the commit.
func (t *turn) flush(c Compartment, ix *index) error {
	gen := t.rings[c].current()
	if ix.Cursor >= t.heads.journal.Deposit { // nothing waits: no line up to here need be read for it
		ix.passed(t.heads.journal.Count)
	}
	for n := range ix.changed {
		record, err := sealPage(t.v.id, c, n, ix.loaded[n], gen)
		if err != nil {
			return err
		}
		digest := seal.Digest(record)
		ix.Pages[n], ix.loaded[n].generation = digest[:], gen.number
		t.tx.PutUnique(t.v.id.page(c, n), record)
	}
	return nil
}

// pageCache keeps the last pages of one open vault by digest.
type pageCache struct {
	byDigest map[string]*page
}

const cachedPages = 64

func (c *pageCache) get(digest []byte) (*page, bool) {
	p, ok := c.byDigest[string(digest)]
	return p, ok
}

func (c *pageCache) put(digest []byte, p *page) {
	if c.byDigest == nil || len(c.byDigest) >= cachedPages {
		c.byDigest = map[string]*page{}
	}
	c.byDigest[string(digest)] = p.clone()
}

// missing turns "not found" of a record that a head names into tampering.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, storage.ErrNotFound) {
		return tampered(format, args...)
	}
	return storageError(err)
}
