package sqlitestore_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

// BenchmarkCommit measures commits of five conditional writes of 300 bytes, as
// a new document makes them, by one writer and by eight.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			d, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"), nil)
			require.NoError(b, err)
			defer d.Close()
			var next atomic.Int64
			spread(b, writers, func(writer int) error {
				n := next.Add(1)
				var checks []storage.Check
				var writes []storage.Write
				for i := range 5 {
					key := fmt.Sprintf("vault%d/%012d/%d", writer, n, i)
					checks = append(checks, storage.Check{Key: key})
					writes = append(writes, storage.Write{Key: key, Value: make([]byte, 300)})
				}
				return d.Commit(b.Context(), checks, writes)
			})
		})
	}
}

// BenchmarkTransact measures transactions that read and change five records, by
// one writer and by eight with records of their own.
func BenchmarkTransact(b *testing.B) {
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			d, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"), nil)
			require.NoError(b, err)
			s := storage.New(d)
			defer s.Close()
			spread(b, writers, func(writer int) error {
				return s.Transact(b.Context(), func(tx *storage.Tx) error {
					for i := range 5 {
						key := fmt.Sprintf("vault%d/%d", writer, i)
						_, _ = tx.Get(key)
						tx.Put(key, make([]byte, 300))
					}
					return nil
				})
			})
		})
	}
}

// spread runs b.N operations on a number of goroutines and reports how many
// were done in a second.
func spread(b *testing.B, writers int, operation func(writer int) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := operation(writer); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
