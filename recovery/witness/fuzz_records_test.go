package witness

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// storedRecords are what a witness keeps in CBOR.
func storedRecords() []any {
	return []any{new(vaultRecord), new(headRecord), new([]sideRecord), new(forkRecord), new(counterRecord), new(clockRecord), new(keyRecord), new(latestRecord)}
}

// FuzzStoredRecords: whatever the store of a witness hands out is a record that
// is written back as it was, or ErrDamaged.
func FuzzStoredRecords(f *testing.F) {
	hash := bytes.Repeat([]byte{7}, 32)
	for _, record := range []any{
		vaultRecord{Key: hash, First: hash, Service: hash, Restore: 1, Floor: 3, Heads: []headRecord{{Head: 3, Version: 9}, {Head: 255}}},
		vaultRecord{Key: hash, Erased: 1}, headRecord{}, []sideRecord{{"a", hash}, {"", nil}}, forkRecord{Owner: hash, Seen: -1},
		counterRecord{Total: 2, Reset: 3}, counterRecord{Total: 7, Reset: 2, Last: 1 << 62}, clockRecord{-1}, counterRecord{Total: 20, Evaluated: true}, keyRecord{Key: hash}, latestRecord{9},
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
