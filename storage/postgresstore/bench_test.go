package postgresstore_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
)

// filled returns the URL of a store that has some records already, so that the
// server knows how to look for them.
func filled(b *testing.B) string {
	b.Helper()
	url := testservices.Postgres(b)
	open(b, url)
	testservices.PostgresSQL(b, url, `INSERT INTO reconnect.records
		SELECT 'before/' || n, nextval('reconnect.versions'), decode(repeat('00', 300), 'hex') FROM generate_series(1, 20000) AS n`,
		"VACUUM ANALYZE reconnect.records")
	return url
}

// BenchmarkCommit measures commits of five conditional writes of 300 bytes, as
// a new document makes them, by one writer and by eight: through the driver, and
// as one would write them without it: a transaction of BEGIN, the checks, the
// writes and COMMIT.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("writers=%d/driver", writers), func(b *testing.B) {
			d := open(b, filled(b))
			spread(b, writers, func(checks []storage.Check, writes []storage.Write) error {
				return d.Commit(b.Context(), checks, writes)
			})
		})
		b.Run(fmt.Sprintf("writers=%d/naive", writers), func(b *testing.B) {
			pool, err := pgxpool.New(b.Context(), filled(b)+"&pool_max_conns=8")
			require.NoError(b, err)
			defer pool.Close()
			spread(b, writers, func(checks []storage.Check, writes []storage.Write) error {
				return naive(b.Context(), pool, checks, writes)
			})
		})
	}
}

func naive(ctx context.Context, pool *pgxpool.Pool, checks []storage.Check, writes []storage.Write) error {
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
		for _, c := range checks {
			var version int64
			err := tx.QueryRow(ctx, "SELECT coalesce((SELECT version FROM reconnect.records WHERE key = $1), 0)", c.Key).Scan(&version)
			if err != nil {
				return err
			}
			if version != int64(c.Version) {
				return storage.ErrConflict
			}
		}
		for _, w := range writes {
			_, err := tx.Exec(ctx, `INSERT INTO reconnect.records (key, version, value) VALUES ($1, nextval('reconnect.versions'), $2)
				ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value`, w.Key, w.Value)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// spread runs b.N commits on a number of goroutines and reports how many were
// done in a second.
func spread(b *testing.B, writers int, commit func(checks []storage.Check, writes []storage.Write) error) {
	b.Helper()
	var left, next, conflicts atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				n := next.Add(1)
				var checks []storage.Check
				var writes []storage.Write
				for i := range 5 {
					key := fmt.Sprintf("vault%d/%012d/%d", writer, n, i)
					checks = append(checks, storage.Check{Key: key})
					writes = append(writes, storage.Write{Key: key, Value: make([]byte, 300)})
				}
				if err := commit(checks, writes); err != nil {
					conflicts.Add(1) // serialization failures of the naive way
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(conflicts.Load())/float64(b.N), "failed/commit")
}
