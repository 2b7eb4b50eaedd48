package storagetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// Piece is one record or one blob at a [Malicious] host: what it can show instead
// of it. A method that needs bytes where the piece has none panics, as indexing a
// slice does: the test would prove nothing.
type Piece struct {
	host  *Malicious
	shelf *shelf
	key   string
}

// Record is the record of a key, whether there is one or not.
func (m *Malicious) Record(key string) Piece { return Piece{m, &m.records, key} }

// Blob is the blob of a name, whether there is one or not.
func (m *Malicious) Blob(name string) Piece { return Piece{m, &m.blobs, name} }

// Records lists the keys of the records that are shown now, in order.
func (m *Malicious) Records(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records.keys(prefix)
}

// BlobNames lists the blobs that are shown now, in order.
func (m *Malicious) BlobNames(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blobs.keys(prefix)
}

// Now is the present, to go back to later.
func (m *Malicious) Now() Moment {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Written lists what was written to records since a moment, in order, also what
// was overwritten afterwards.
func (m *Malicious) Written(since Moment) []storage.Write {
	m.mu.Lock()
	defer m.mu.Unlock()
	byMoment := map[Moment]storage.Write{}
	for key, versions := range m.records.written {
		for _, v := range versions {
			if v.at > since {
				byMoment[v.at] = storage.Write{Key: key, Value: copied(v.bytes), Delete: v.bytes == nil}
			}
		}
	}
	all := []storage.Write{}
	for _, at := range slices.Sorted(maps.Keys(byMoment)) {
		all = append(all, byMoment[at])
	}
	return all
}

// Replay shows all records and blobs whose keys begin with prefix as they were at
// a moment: what was not there then is gone, what was deleted since is back. With
// the prefix "" it is the whole store.
func (m *Malicious) Replay(prefix string, then Moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range []*shelf{&m.records, &m.blobs} {
		for _, key := range s.known(prefix) {
			s.tell(key, s.at(key, then))
		}
	}
}

// SwapPrefixes shows under each of two prefixes what lies under the other, records
// and blobs.
func (m *Malicious) SwapPrefixes(one, other string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range []*shelf{&m.records, &m.blobs} {
		shown := map[string][]byte{}
		for _, pair := range [][2]string{{one, other}, {other, one}} {
			for _, key := range s.known(pair[0]) {
				counterpart := pair[1] + strings.TrimPrefix(key, pair[0])
				shown[counterpart] = s.shown(key)
				shown[key] = s.shown(counterpart)
			}
		}
		for key, b := range shown {
			s.tell(key, b)
		}
	}
}

// Fork is another store, in memory, that shows what this one shows now. From then
// on each goes its own way: give one to some readers and the other to the rest.
func (m *Malicious) Fork(ctx context.Context) (*Malicious, error) {
	records := memstore.New()
	fork := NewMalicious(records, &forkedBlobs{Blobs: memstore.NewBlobs(), from: m.Blobs(), deleted: map[string]bool{}})
	for after := ""; ; {
		page, err := m.Scan(ctx, "", after, storage.MaxWrites)
		if err != nil {
			return nil, fmt.Errorf("fork: %w", err)
		}
		var writes []storage.Write
		for _, r := range page {
			writes = append(writes, storage.Write{Key: r.Key, Value: r.Value})
			after = r.Key
		}
		if err := fork.Commit(ctx, nil, writes); err != nil {
			return nil, fmt.Errorf("fork: %w", err)
		}
		if len(page) < storage.MaxWrites {
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range m.blobs.keys("") {
		fork.blobs.written[name] = []version{{fork.now, m.blobs.shown(name)}}
	}
	return fork, nil
}

// Honest takes back all lies: what is shown is what was last written.
func (m *Malicious) Honest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.records.lies)
	clear(m.blobs.lies)
}

// Bytes is what is shown, a copy; nil if nothing is.
func (p Piece) Bytes() []byte {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	return copied(p.shelf.shown(p.key))
}

// Versions are all values that were ever written, oldest first, copies.
func (p Piece) Versions() (all [][]byte) {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	for _, v := range p.shelf.written[p.key] {
		if v.bytes != nil {
			all = append(all, copied(v.bytes))
		}
	}
	return all
}

// Forge shows b, whatever it is. With nil it is [Piece.Drop].
func (p Piece) Forge(b []byte) {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.shelf.tell(p.key, b)
}

// Drop shows nothing: as if it had been deleted, or never written.
func (p Piece) Drop() { p.Forge(nil) }

// Replay shows what was there at a moment.
func (p Piece) Replay(then Moment) {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.shelf.tell(p.key, p.shelf.at(p.key, then))
}

// Swap shows each of two pieces in the place of the other.
func (p Piece) Swap(other Piece) {
	mine, theirs := p.Bytes(), other.Bytes()
	p.Forge(theirs)
	other.Forge(mine)
}

// Flip turns one bit: bit n%8, counted from the lowest, of byte n/8.
func (p Piece) Flip(n int) {
	b := p.there()
	b[n/8] ^= 1 << (n % 8)
	p.Forge(b)
}

// Cut shows the first n bytes only.
func (p Piece) Cut(n int) {
	p.Forge(p.there()[:n])
}

// Append shows more bytes behind the end.
func (p Piece) Append(more []byte) { p.Forge(append(p.there(), more...)) }

// Splice shows other bytes from a place on, as many as there are in with.
func (p Piece) Splice(at int, with []byte) {
	b := p.there()
	copy(b[at:at+len(with)], with)
	p.Forge(b)
}

// Rearrange takes the piece for segments of size bytes, the last of which may be
// shorter, and shows those of these numbers, in this order: some may be missing,
// others come twice.
func (p Piece) Rearrange(size int, order ...int) {
	segments := slices.Collect(slices.Chunk(p.there(), size))
	out := []byte{}
	for _, n := range order {
		out = append(out, segments[n]...)
	}
	p.Forge(out)
}

// EndEarly ends every read of a blob after n bytes, as if nothing were wrong; its
// size is told as it is.
func (p Piece) EndEarly(n int) {
	b := p.there()
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	p.shelf.lies[p.key] = lie{bytes: b, end: n}
}

// Honest takes back the lie about this piece.
func (p Piece) Honest() {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	delete(p.shelf.lies, p.key)
}

// there is Bytes where there must be some.
func (p Piece) there() []byte {
	b := p.Bytes()
	if b == nil {
		panic(fmt.Sprintf("storagetest: the malicious store has nothing at %q to alter", p.key))
	}
	return slices.Clip(b) // so that what lies behind the end cannot be reached
}
