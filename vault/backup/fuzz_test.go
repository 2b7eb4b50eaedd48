package backup

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func written(records ...storage.Record) []byte {
	b := []byte(recordsMagic)
	for _, r := range records {
		b = append(binary.AppendUvarint(b, uint64(len(r.Key))), r.Key...)
		b = append(binary.AppendUvarint(b, uint64(len(r.Value))), r.Value...)
	}
	return append(b, 0)
}

// FuzzRecords: what is read is in order and within the limits of a store, and is
// the only form of what it says.
func FuzzRecords(f *testing.F) {
	whole := written(storage.Record{Key: "a"}, storage.Record{Key: "b/c", Value: []byte("value")}, storage.Record{Key: "b/d", Value: make([]byte, 300)})
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(append(bytes.Clone(whole), 0))
	f.Add(written(storage.Record{Key: "b"}, storage.Record{Key: "a"}))
	f.Add([]byte(recordsMagic + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var read []storage.Record
		err := parseRecords(bufio.NewReader(bytes.NewReader(b)), func(r storage.Record) error {
			read = append(read, r)
			return nil
		})
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		previous := ""
		for _, r := range read {
			require.Greater(t, r.Key, previous)
			require.LessOrEqual(t, len(r.Key), storage.MaxKey)
			require.LessOrEqual(t, len(r.Value), storage.MaxValue)
			previous = r.Key
		}
		again := written(read...)
		require.LessOrEqual(t, len(again), len(b), "the shortest form")
	})
}
