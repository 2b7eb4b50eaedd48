package vault

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/storage"
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
		new(serviceKeysBody), new(receiptBody), new(depositClear), new(depositBody), new(gapsBody), new(string), // a login
		new(cardPaperBody), new(factorBody), new(rulesBody), new(representativeBody), new(grantBody), new(grantPaper), new(pathBody), new(policyPaper),
		new(wishBody), new(wishCarry), new(deathBody), new(lastSeen), new(stopClear), new(stopBody), new(stopFacts), new(parts),
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
		clearHead{Version: 1, Generation: 2}, sealedHead{Pages: [][]byte{key}, Counts: []uint16{1}, Since: 1}, journalHead{Count: 1, Last: key}, pageClear{1},
		recordClear{Revision: 1, Generation: 1, Parts: []part{{roleContent, "v/b", 1080, key, 1}}},
		recordBody{Facts: []byte{0xa0}, Keys: [][]byte{key}, Origin: signature{Key: key, Bytes: key}},
		recordFacts{Kind: KindNote, Name: "ملاحظة", Note: "text", Origin: originFacts{By: Actor{Kind: ActorPerson}}},
		recordFacts{Kind: KindDocument, Document: &documentFacts{MediaType: "text/plain", Size: 1, Digest: key, Issued: "2026-11-21"}},
		recordFacts{Kind: KindAppointment, Appointment: &appointmentFact{Start: -1, Zone: "Europe/Paris", AllDay: true}},
		recordFacts{Kind: KindContact, Contact: &contactFacts{Phones: []string{"+33"}}},
		slotBody{Kind: 1, KDF: seal.KDF{Algorithm: 1, Time: 3, MemoryKiB: 1 << 16, Threads: 1, Salt: key[:16]}, Roots: []slotRoot{{1, key}}},
		keyringClear{1}, keyringBody{Generations: generations}, ownerPaper{Kind: 1, At: 1, Body: []byte{0x60}}, paperClear{1, 1},
		consentBody{Notice: Notice{"1", "fr", "…"}, Channel: "relay"}, spacePaper{1, "reason"}, restoredBody{Epoch: 1, Taken: 1, Accepted: 1},
		sessionClear{1, 1, 1, key, true}, sessionBody{Actor: Actor{Kind: ActorPerson}, Signer: key, Rings: map[uint8][]generationBody{1: generations}},
		entryClear{1, nil, 1}, entryBody{Facts: key, Signature: key, Signer: key}, entryFacts{At: 1, Act: ActAdded, Detail: map[string]string{"a": "b", "aa": "c"}},
		depositClear{Line: 9, Generation: 1, Parts: []part{{roleContent, "v/b", 1080, key, 1}}, Takes: 7},
		depositBody{Item: [16]byte{1}, Revision: 1, Facts: []byte{0xa0}, Keys: [][]byte{key}, Ruled: true}, gapsBody{[]gap{{Line: 1, By: Actor{Kind: ActorWorker}}}},
		moving{"id", 1}, serviceKeysBody{key, key, key}, receiptBody{Act: ActErased, Witnessed: true}, "4821 7730 1956",
		pathBody{Kind: PathHelpers, Private: key}, policyPaper{Generation: 1, Public: key}, stopClear{1, 1}, stopBody{Facts: key, Signature: key, Signer: key}, stopFacts{At: 1},
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
		_, err = openRecord(k.id, Private, pageEntry{hash: hash}, b, k.ring, authors{owner: k.owner})
		requireNamed(t, err)
		_, _, err = openKeyring(k.id, Private, b, k.ring.current().key)
		requireNamed(t, err)
		_, err = openSlotBody(k.id, seal.SlotEntry{Digest: hash[:]}, b, k.ring.current().key)
		requireNamed(t, err)
		_, err = openEntry(k.id, 3, b, k.ring, authors{owner: k.owner})
		requireNamed(t, err)
		_, err = service.openLogin(hash, b)
		requireNamed(t, err)
		if c, err := parseSession(b); err == nil {
			reencodes(t, b, c)
		}
		if c, err := parseRecordClear(b); err == nil {
			reencodes(t, b, c)
		}
		if c, err := parseDepositClear(b); err == nil {
			reencodes(t, b, c)
		}
		_, err = openDeposit(k.id, Private, 3, b, k.ring)
		requireNamed(t, err)
		if c, err := parseEntry(3, b); err == nil {
			reencodes(t, b, c)
			require.EqualValues(t, 3, c.Number)
		}
		for _, p := range StoredParts(storage.Record{Key: k.id.key(key), Value: b}) {
			require.NoError(t, storage.CheckBlobName(p.Blob))
			require.True(t, strings.HasPrefix(p.Blob, k.id.String()+"/"), "a blob of another vault")
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
