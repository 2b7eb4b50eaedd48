package storage_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// scripted is a store in memory that lets a test come between a transaction and
// its driver.
type scripted struct {
	*memstore.Driver
	t       testing.TB
	reads   int
	commits int
	// onRead is called before the n-th read, onCommit in the place of the n-th
	// commit, which it does, or not, with do. Both count from 1.
	onRead   func(n int) error
	onCommit func(n int, do func() error) error
}

func newScripted(t testing.TB, keysAndValues ...string) (*scripted, *storage.Store) {
	d := &scripted{Driver: memstore.New(), t: t}
	d.put(keysAndValues...)
	return d, storage.New(d)
}

func (d *scripted) Get(ctx context.Context, key string) (storage.Record, error) {
	if err := d.reading(); err != nil {
		return storage.Record{}, err
	}
	return d.Driver.Get(ctx, key)
}

func (d *scripted) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	if err := d.reading(); err != nil {
		return nil, err
	}
	return d.Driver.Scan(ctx, prefix, after, limit)
}

func (d *scripted) reading() error {
	d.reads++
	if d.onRead == nil {
		return nil
	}
	return d.onRead(d.reads)
}

func (d *scripted) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	do := func() error { return d.Driver.Commit(ctx, checks, writes) }
	d.commits++
	if d.onCommit == nil {
		return do()
	}
	return d.onCommit(d.commits, do)
}

// put is what somebody else writes: put("key", "value", …).
func (d *scripted) put(keysAndValues ...string) {
	d.t.Helper()
	var writes []storage.Write
	for i := 0; i < len(keysAndValues); i += 2 {
		writes = append(writes, storage.Write{Key: keysAndValues[i], Value: []byte(keysAndValues[i+1])})
	}
	require.NoError(d.t, d.Driver.Commit(context.Background(), nil, writes))
}

// value reads past the script; "" stands for no record.
func (d *scripted) value(key string) string {
	r, err := d.Driver.Get(context.Background(), key)
	if err != nil {
		require.ErrorIs(d.t, err, storage.ErrNotFound)
	}
	return string(r.Value)
}
