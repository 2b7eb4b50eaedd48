package vault

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// someKeys are the keys of a vault for targets, the same in every run.
type someKeys struct {
	id     ID
	ring   *ring
	rings  rings
	signer seal.SigningKey
	owner  *seal.OwnerHead
}

func newSomeKeys(f *testing.F) *someKeys {
	f.Helper()
	raw := bytes.Repeat([]byte{7}, 32)
	key, err := seal.KeyFromBytes(raw)
	require.NoError(f, err)
	inbox, err := seal.BoxKeyFromBytes(raw)
	require.NoError(f, err)
	signer, err := seal.SigningKeyFromBytes(raw)
	require.NoError(f, err)
	r := &ring{generations: []*generation{{number: 1, key: key, inbox: inbox}}}
	return &someKeys{id: ID{1}, ring: r, rings: rings{Owner: r, Shared: r, Private: r}, signer: signer, owner: &seal.OwnerHead{Key: signer.Public()}}
}

func (k *someKeys) seal(t *testing.T, c seal.Context, clear any, body []byte) []byte {
	t.Helper()
	raw, err := seal.Marshal(clear)
	require.NoError(t, err)
	record, err := k.ring.current().key.Seal(c, raw, body)
	require.NoError(t, err)
	return record
}

// FuzzSealedBodies is what a store with a compartment's key could do, such as a
// relay that once followed: bodies of its own, sealed where they belong.
func FuzzSealedBodies(f *testing.F) {
	k := newSomeKeys(f)
	id, item := k.id, ItemID{2}
	key := k.ring.current().key
	facts := recordFacts{Kind: KindNote, Name: "n", Note: "text", Origin: originFacts{By: Actor{Kind: ActorPerson}, Channel: "web", At: 1}}
	for _, v := range []any{
		facts, recordFacts{Kind: KindDocument, Document: &documentFacts{Size: 1 << 62}}, recordFacts{Kind: KindFolder, Folder: []byte{1}},
		recordFacts{Kind: KindAppointment, Appointment: &appointmentFact{Start: -1 << 62, Duration: 1 << 62}},
		sealedHead{Pages: [][]byte{{1}}, Counts: []uint16{1}}, journalHead{Count: 1}, keyringBody{Generations: k.ring.body(), Signer: key.Bytes()},
		depositBody{Item: [16]byte{2}, Revision: 1, Facts: []byte{0xa0}}, slotBody{Kind: slotPassword, Roots: []slotRoot{{Compartment: 1, Envelope: []byte{1, 3, 0, 9, 0, 0, 0, 0}}}}, entryFacts{At: 1, Act: ActAdded},
		sessionBody{Actor: Actor{Kind: ActorPerson}, Signer: key.Bytes(), Rings: map[uint8][]generationBody{1: k.ring.body()}},
	} {
		b, err := seal.Marshal(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k.openItem(t, item, b)
		head := k.seal(t, id.bind(seal.TypeSharedHead, Shared, 1, nil, 1), clearHead{Version: 1, Generation: 1}, b)
		if ix, err := openIndex(id, Shared, head, k.ring); err == nil {
			require.Equal(t, len(ix.Pages), len(ix.Counts))
		} else {
			requireNamed(t, err)
		}
		if _, err := openPage(id, Shared, 0, nil, nil, k.ring); err == nil {
			t.Fatal("a page that is not there")
		}
		root := seal.NewKey()
		ring, err := keyringKey(root).Seal(id.bind(seal.TypeKeyring, Owner, 0, nil, 1), []byte{0xa1, 1, 1}, b)
		require.NoError(t, err)
		if r, signer, err := openKeyring(id, Owner, ring, root); err == nil {
			require.NotEmpty(t, r.generations)
			require.False(t, signer.IsZero())
		} else {
			requireNamed(t, err)
		}
		k.openSlot(t, b)
		k.openEntry(t, b)
		k.openSession(t, b)
		k.openDeposit(t, b)
	})
}

// openDeposit opens what anybody can seal to an inbox: facts, and a whole body.
func (k *someKeys) openDeposit(t *testing.T, b []byte) {
	t.Helper()
	if seal.Unmarshal(b, new(recordFacts)) != nil && seal.Unmarshal(b, new(depositBody)) != nil { // a box is slow to make
		return
	}
	body, err := seal.Marshal(depositBody{Item: [16]byte{2}, Revision: 1, Facts: b})
	require.NoError(t, err)
	clear, err := seal.Marshal(depositClear{Line: 5, Generation: 1})
	require.NoError(t, err)
	for _, body := range [][]byte{body, b} {
		record, err := k.ring.current().inbox.Public().Seal(k.id.depositContext(Private, 1, 5), clear, body)
		require.NoError(t, err)
		o, err := openDeposit(k.id, Private, 5, record, k.ring)
		if err != nil {
			requireNamed(t, err)
			continue
		}
		require.NoError(t, o.item.check())
		require.NotEqual(t, KindFolder, o.item.Kind)
		require.NotEqual(t, KindDocument, o.item.Kind, "without a part")
		again, err := seal.Marshal(o.item.facts())
		require.NoError(t, err)
		require.Equal(t, o.body.Facts, again, "written as it was signed")
	}
}

func (k *someKeys) openItem(t *testing.T, item ItemID, facts []byte) {
	t.Helper()
	sign := func(c seal.Context, message []byte) signature {
		return signature{Key: k.signer.Public(), Bytes: k.signer.Sign(c, message)}
	}
	var f recordFacts
	var origin []byte
	if seal.Unmarshal(facts, &f) == nil {
		origin, _ = seal.Marshal(f.Origin)
	}
	body, err := seal.Marshal(recordBody{
		Facts: facts, Origin: sign(originContext(k.id, item), origin), Revision: sign(revisionContext(k.id, item, 1), facts),
	})
	require.NoError(t, err)
	for _, b := range [][]byte{body, facts} { // as facts, and as the whole body
		record := k.seal(t, k.id.bind(seal.TypeItem, Shared, 1, item[:], 1), recordClear{Revision: 1, Generation: 1}, b)
		r, err := openRecord(k.id, Shared, pageEntry{id: item, revision: 1, hash: seal.Digest(record)}, record, k.ring, authors{owner: k.owner})
		if err != nil {
			requireNamed(t, err)
			continue
		}
		require.Equal(t, f.Name, r.item.Name)
		again, err := seal.Marshal(r.item.facts())
		require.NoError(t, err)
		require.Equal(t, facts, again, "written back as it was signed")
		require.NotEmpty(t, r.item.Kind.String())
		require.NotEqual(t, KindDocument, r.item.Kind, "without a part")
	}
}

func (k *someKeys) openSlot(t *testing.T, body []byte) {
	t.Helper()
	slot := [16]byte{3}
	record := k.seal(t, k.id.bind(seal.TypeKeyslot, Owner, 0, slot[:], 0), struct{}{}, body)
	digest := seal.Digest(record)
	b, err := openSlotBody(k.id, seal.SlotEntry{ID: slot, Kind: slotPassword, Digest: digest[:]}, record, k.ring.current().key)
	if err != nil {
		requireNamed(t, err)
		return
	}
	_ = b.KDF.Check()
	if roots, err := b.openRoots(k.id, slot, k.ring.current().key); err == nil {
		require.Empty(t, roots, "no root was ever sealed")
	} else {
		requireNamed(t, err)
	}
}

func (k *someKeys) openEntry(t *testing.T, facts []byte) {
	t.Helper()
	if seal.Unmarshal(facts, new(entryFacts)) != nil { // a box is slow to make
		return
	}
	c := entryContext(k.id, 1, 5, nil)
	body, err := seal.Marshal(entryBody{Facts: facts, Signature: k.signer.Sign(c, facts), Signer: k.signer.Public()})
	require.NoError(t, err)
	clear, err := seal.Marshal(entryClear{Number: 5, Generation: 1})
	require.NoError(t, err)
	record, err := k.ring.current().inbox.Public().Seal(c, clear, body)
	require.NoError(t, err)
	if e, err := openEntry(k.id, 5, record, k.ring, authors{owner: k.owner}); err == nil {
		require.EqualValues(t, 5, e.Number)
	} else {
		requireNamed(t, err)
	}
}

func (k *someKeys) openSession(t *testing.T, body []byte) {
	t.Helper()
	v := &Vault{id: k.id}
	own := &session{id: SessionID{4}, key: k.ring.current().key}
	err := v.openSessionRecord(own, k.seal(t, v.sessionContext(own.id), sessionClear{Epoch: 1}, body))
	if err != nil {
		require.ErrorIs(t, err, ErrSessionEnded)
		return
	}
	require.False(t, v.signer.IsZero())
	for _, r := range v.rings {
		require.NotEmpty(t, r.generations)
	}
}
