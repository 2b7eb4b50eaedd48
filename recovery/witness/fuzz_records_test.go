package witness

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// storedRecords are what a witness keeps in CBOR.
func storedRecords() []any {
	return []any{new(vaultRecord), new(headRecord), new([]sideRecord), new(forkRecord), new(counterRecord), new(clockRecord), new(keyRecord), new(latestRecord),
		new(policyRecord), new(requestRecord), new(approverRecord), new(escrowRecord), new(lossRecord)}
}

// FuzzStoredRecords: whatever the store of a witness hands out is a record that
// is written back as it was, or ErrDamaged.
func FuzzStoredRecords(f *testing.F) {
	hash := bytes.Repeat([]byte{7}, 32)
	for _, record := range []any{
		vaultRecord{Key: hash, First: hash, Service: hash, Restore: 1, Floor: 3, Heads: []headRecord{{Head: 3, Version: 9}, {Head: 255}}},
		vaultRecord{Key: hash, Erased: 1}, headRecord{}, []sideRecord{{"a", hash}, {"", nil}}, forkRecord{Owner: hash, Seen: -1},
		counterRecord{Total: 2, Reset: 3}, counterRecord{Total: 7, Reset: 2, Last: 1 << 62}, clockRecord{-1}, counterRecord{Total: 20, Evaluated: true}, keyRecord{Key: hash}, latestRecord{9},
		policyRecord{Dead: [][]byte{hash}, Record: hash}, policyRecord{Signed: hash, Key: hash}, escrowRecord{Generation: 1, Made: -1}, lossRecord{Began: 1},
		requestRecord{Key: hash, Opened: -1, Until: 1 << 62, Cancelled: 1, Agreed: []approverRecord{{Key: hash, Desk: true}, {Key: hash}}, Rule: seal.PolicyRule{
			Counters: []seal.PolicyCounter{{Wait: 1 << 62}, {}}, Parties: []seal.PolicyParty{{Key: hash}}, Approvals: 2,
		}},
	} {
		value, err := encode(record)
		require.NoError(f, err)
		f.Add(value)
	}
	f.Add([]byte{})
	f.Add([]byte{2, 0xa0})
	f.Fuzz(func(t *testing.T, value []byte) {
		r := storage.Record{Key: "k", Value: value}
		for _, record := range storedRecords() {
			if err := decode(r, record); err != nil {
				require.ErrorIs(t, err, ErrDamaged)
				continue
			}
			again, err := encode(reflect.ValueOf(record).Elem().Interface())
			require.NoError(t, err)
			require.Equal(t, value, again, "%T", record)
		}
		readsRequest(t, r)
		s, err := loadState(func(string) (storage.Record, error) { return r, nil }, [16]byte{1})
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		for _, c := range s.heads.list() {
			require.GreaterOrEqual(t, placeOf(c.Head), 0)
		}
	})
}

// readsRequest asks of a request whatever the witness asks of one.
func readsRequest(t *testing.T, r storage.Record) {
	t.Helper()
	p := new(policyRecord)
	if decode(r, p) == nil {
		if policy, err := p.policy([16]byte{1}); p.Signed != nil {
			require.Error(t, err, "nobody signed it")
		} else {
			require.Nil(t, policy)
		}
	}
	q := new(requestRecord)
	if decode(r, q) != nil {
		return
	}
	out := q.public([16]byte{1}, time.UnixMilli(q.Until))
	require.Len(t, out.Ready, len(q.Rule.Counters))
	for _, left := range out.Ready {
		require.GreaterOrEqual(t, left, time.Duration(0))
	}
	require.Equal(t, len(q.Agreed), out.Relay+out.Desk)
	require.False(t, q.open(time.UnixMilli(q.Until)), "its time is over")
	require.False(t, q.Cancelled != 0 && q.open(time.UnixMilli(0)))
	require.GreaterOrEqual(t, q.longest(), time.Duration(0))
}

// FuzzDueCounter: the entry of a counter's deadline is found again from its key,
// whenever its latest try was.
func FuzzDueCounter(f *testing.F) {
	for _, last := range []int64{0, -1, 1 << 62, -1 << 62, 1_772_442_000_000} {
		f.Add([]byte{1}, []byte{2}, last)
	}
	f.Fuzz(func(t *testing.T, vault, counter []byte, last int64) {
		digest, c := seal.Digest(vault), seal.Digest(counter)
		v := digest[:16]
		key := dueKey([16]byte(v), c, last)
		d, err := storage.ParseDue(key)
		require.NoError(t, err)
		require.Equal(t, key, d.Key())
		require.Equal(t, hex.EncodeToString(v), d.Owner)
		require.Equal(t, dueCount+hex.EncodeToString(c[:]), d.What)
	})
}
