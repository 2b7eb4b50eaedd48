package vault

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// What a store gives is anybody's bytes. These targets hold, for each form that
// this package reads: it parses to what encodes to the same bytes again, or is
// refused with an error of the closed set, and never panics (attacks I2, I4).

// stored are the bodies and clear headers that this package reads.
func stored() []any {
	return []any{
		new(clearHead), new(sealedHead), new(journalHead), new(pageClear), new(recordClear), new(recordBody), new(recordFacts),
		new(slotBody), new(keyringClear), new(keyringBody), new(ownerPaper), new(paperClear), new(consentBody), new(spacePaper),
		new(restoredBody), new(sessionClear), new(sessionBody), new(entryClear), new(entryBody), new(entryFacts), new(moving),
		new(serviceKeysBody), new(receiptBody), new(string), // a login
	}
}

// vectorRecords are the records of the whole vault among the vectors.
func vectorRecords(f *testing.F) map[string][]byte {
	f.Helper()
	all, err := testvectors.Load("testdata/vectors")
	require.NoError(f, err)
	records := map[string][]byte{}
	for _, r := range all["vault"].All("record") {
		records[r.Line] = r.Data
	}
	require.NotEmpty(f, records)
	return records
}

// requireNamed demands an error that a program can tell.
func requireNamed(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotEmpty(t, Code(err), "%v", err)
}

func FuzzBodies(f *testing.F) {
	key := seal.NewKey().Bytes()
	generations := []generationBody{{Number: 1, Key: key, Inbox: key}}
	for _, v := range []any{
		clearHead{1, 2}, sealedHead{Pages: [][]byte{key}, Counts: []uint16{1}, Since: 1}, journalHead{1, key}, pageClear{1},
		recordClear{Revision: 1, Generation: 1, Parts: []part{{roleContent, "v/b", 1080, key, 1}}},
		recordBody{Facts: []byte{0xa0}, Keys: [][]byte{key}, Origin: signature{key, key}},
		recordFacts{Kind: KindNote, Name: "ملاحظة", Note: "text", Origin: originFacts{By: Actor{Kind: ActorPerson}}},
		recordFacts{Kind: KindDocument, Document: &documentFacts{MediaType: "text/plain", Size: 1, Digest: key, Issued: "2026-11-21"}},
		recordFacts{Kind: KindAppointment, Appointment: &appointmentFact{Start: -1, Zone: "Europe/Paris", AllDay: true}},
		recordFacts{Kind: KindContact, Contact: &contactFacts{Phones: []string{"+33"}}},
		slotBody{Kind: 1, KDF: seal.KDF{Algorithm: 1, Time: 3, MemoryKiB: 1 << 16, Threads: 1, Salt: key[:16]}, Roots: []slotRoot{{1, key}}},
		keyringClear{1}, keyringBody{Generations: generations}, ownerPaper{Kind: 1, At: 1, Body: []byte{0x60}}, paperClear{1, 1},
		consentBody{Notice: Notice{"1", "fr", "…"}, Channel: "relay"}, spacePaper{1, "reason"}, restoredBody{Epoch: 1, Taken: 1, Accepted: 1},
		sessionClear{1, 1, 1, key}, sessionBody{Actor: Actor{Kind: ActorPerson}, Signer: key, Rings: map[uint8][]generationBody{1: generations}},
		entryClear{1, nil, 1}, entryBody{key, key, key}, entryFacts{At: 1, Act: ActAdded, Detail: map[string]string{"a": "b", "aa": "c"}},
		moving{"id", 1}, serviceKeysBody{key, key, key}, receiptBody{Act: ActErased, Witnessed: true}, "4821 7730 1956",
	} {
		b, err := seal.Marshal(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range stored() {
			if err := seal.Unmarshal(b, v); err != nil {
				require.ErrorIs(t, err, seal.ErrFormat)
				continue
			}
			again, err := seal.Marshal(reflect.ValueOf(v).Elem().Interface())
			require.NoError(t, err)
			require.Equal(t, b, again, "%T", v)
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add((&page{}).marshal())
	full := &page{}
	for i := range pageEntries {
		full.set(pageEntry{id: [16]byte{byte(i)}, revision: uint64(i), hash: [32]byte{byte(i)}})
	}
	f.Add(full.marshal())
	twice := full.marshal()
	copy(twice[2+pageEntrySize:], twice[2:2+pageEntrySize])
	f.Add(twice)
	f.Add(full.marshal()[1:])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePage(b)
		if err != nil {
			return
		}
		require.Equal(t, b, p.marshal())
		for i, e := range p.entries {
			at, found := p.find(e.id)
			require.True(t, found)
			require.Equal(t, i, at)
		}
	})
}

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
		sealedHead{Pages: [][]byte{{1}}, Counts: []uint16{1}}, journalHead{1, nil}, keyringBody{Generations: k.ring.body(), Signer: key.Bytes()},
		slotBody{Kind: slotPassword, Roots: []slotRoot{{Compartment: 1, Envelope: []byte{1, 3, 0, 9, 0, 0, 0, 0}}}}, entryFacts{At: 1, Act: ActAdded},
		sessionBody{Actor: Actor{Kind: ActorPerson}, Signer: key.Bytes(), Rings: map[uint8][]generationBody{1: k.ring.body()}},
	} {
		b, err := seal.Marshal(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k.openItem(t, item, b)
		head := k.seal(t, id.bind(seal.TypeSharedHead, Shared, 1, nil, 1), clearHead{1, 1}, b)
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
	})
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
		r, err := openRecord(k.id, Shared, pageEntry{id: item, revision: 1, hash: seal.Digest(record)}, record, k.ring, k.owner)
		if err != nil {
			requireNamed(t, err)
			continue
		}
		require.Equal(t, f.Name, r.item.Name)
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
	c := entryContext(k.id, 1, 5, nil)
	body, err := seal.Marshal(entryBody{Facts: facts, Signature: k.signer.Sign(c, facts), Signer: k.signer.Public()})
	require.NoError(t, err)
	clear, err := seal.Marshal(entryClear{Number: 5, Generation: 1})
	require.NoError(t, err)
	record, err := k.ring.current().inbox.Public().Seal(c, clear, body)
	require.NoError(t, err)
	if e, err := openEntry(k.id, 5, record, k.ring, k.owner); err == nil {
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

// FuzzRecords is what a store without any key can do: any bytes under any key.
func FuzzRecords(f *testing.F) {
	k := newSomeKeys(f)
	for key, value := range vectorRecords(f) {
		_, rest, _ := strings.Cut(key, "/")
		f.Add(rest, value)
	}
	service := &Vaults{keys: &serviceKeys{lookup: k.ring.current().key, signer: k.signer}}
	f.Fuzz(func(t *testing.T, key string, b []byte) {
		hash := seal.Digest(b)
		_, err := openOwnerHead(k.id, b)
		requireNamed(t, err)
		_, err = openIndex(k.id, Shared, b, k.ring)
		requireNamed(t, err)
		_, err = openJournalHead(k.id, k.signer.Public(), b)
		requireNamed(t, err)
		_, err = openPage(k.id, Private, 0, b, hash[:], k.ring)
		requireNamed(t, err)
		_, err = openRecord(k.id, Private, pageEntry{hash: hash}, b, k.ring, k.owner)
		requireNamed(t, err)
		_, _, err = openKeyring(k.id, Private, b, k.ring.current().key)
		requireNamed(t, err)
		_, err = openSlotBody(k.id, seal.SlotEntry{Digest: hash[:]}, b, k.ring.current().key)
		requireNamed(t, err)
		_, err = openEntry(k.id, 3, b, k.ring, k.owner)
		requireNamed(t, err)
		_, err = service.openLogin(hash, b)
		requireNamed(t, err)
		if c, err := parseSession(b); err == nil {
			reencodes(t, b, c)
		}
		if c, err := parseRecordClear(b); err == nil {
			reencodes(t, b, c)
		}
		if c, err := parseEntry(3, b); err == nil {
			reencodes(t, b, c)
			require.EqualValues(t, 3, c.Number)
		}
		for _, name := range blobsOf(k.id, storage.Record{Key: k.id.key(key), Value: b}) {
			require.NoError(t, storage.CheckBlobName(name))
			require.True(t, strings.HasPrefix(name, k.id.String()+"/"), "a blob of another vault")
		}
		_ = IsSessionKey(key)
		_ = isTombstone(k.id, b)
	})
}

// reencodes demands that a clear header encodes to the bytes in its record.
func reencodes(t *testing.T, record []byte, clear any) {
	t.Helper()
	_, raw, err := seal.ParseClear(record)
	require.NoError(t, err)
	again, err := seal.Marshal(clear)
	require.NoError(t, err)
	require.Equal(t, raw, again)
}

func FuzzServiceKeys(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	for _, b := range []serviceKeysBody{{key, key, key}, {key, key, nil}, {key, key[:31], key}, {make([]byte, 32), key, key}} {
		raw, err := seal.Marshal(b)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		record, err := keep(t.Context(), plainKeeper{}, serviceKeysContext, body)
		require.NoError(t, err)
		k, err := parseServiceKeys(t.Context(), record, plainKeeper{})
		if err != nil {
			requireNamed(t, err)
			return
		}
		again, err := seal.Marshal(serviceKeysBody{k.lookup.Bytes(), k.signer.Bytes(), k.operator.Bytes()})
		require.NoError(t, err)
		require.Equal(t, body, again)
	})
}

func FuzzLogin(f *testing.F) {
	for _, s := range []string{"4821 7730 1956", "٣٩٤٠ ٢٤٥٨ ٤٩٥٢", "3940-2458-4952", "1234 5678 9015", "𝟛𝟡𝟜𝟘", "\u200f3940 2458 4952", "12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		login, err := NormalLogin(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		require.Len(t, login, loginDigits+2)
		again, err := NormalLogin(login)
		require.NoError(t, err)
		require.Equal(t, login, again)
	})
}

func FuzzPassword(f *testing.F) {
	for _, s := range []string{"bato kiru mesa lova", "كلمة سر طويلة", "é\u0065\u0301", "\u00a0a", "", "\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := normalPassword(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		again, err := normalPassword(p)
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-11-21", "2024-02-29", "2026-02-29", "0000-01-01", "26-11-21", "", "2026-11-21T00:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		if day, ok := d.Time(time.UTC); ok {
			require.Equal(t, s, day.Format(time.DateOnly))
		} else {
			require.Empty(t, s)
		}
	})
}

func FuzzIDs(f *testing.F) {
	f.Add(ID{1}.String())
	f.Add(strings.Repeat("a", 25) + "b") // a stray bit
	f.Add(strings.ToUpper(ID{255}.String()))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		item, itemErr := ParseItemID(s)
		name, nameErr := ParseSessionID(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorIs(t, itemErr, ErrInvalid)
			require.ErrorIs(t, nameErr, ErrInvalid)
			return
		}
		require.Equal(t, s, id.String())
		require.Equal(t, s, name.String())
		require.True(t, item.IsZero() || item.String() == s)
	})
}

func FuzzToken(f *testing.F) {
	all, err := testvectors.Load("testdata/vectors")
	require.NoError(f, err)
	f.Add(all["vault"].Text("token"))
	f.Add("")
	f.Add(strings.Repeat("A", 64))
	f.Add(strings.Repeat("A", 63) + "B")
	service := &Vaults{cfg: Config{Store: storage.New(memstore.New())}}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := service.Resume(t.Context(), token)
		require.ErrorIs(t, err, ErrSessionEnded)
	})
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"act":"vault.erased","vault":"` + ID{1}.String() + `","at":"2026-11-21T00:00:00Z","key":"AA==","signature":""}`))
	f.Add([]byte(`{"vault":"x"}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"at":"0000-00-00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		requireNamed(t, r.Verify(bytes.Repeat([]byte{7}, 32)))
		requireNamed(t, r.Verify(r.Key))
	})
}
