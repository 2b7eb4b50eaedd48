package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// Waiting returns how many commits wait for the writer.
func (d *Driver) Waiting() int { return len(d.writes.queue) }

// Occupy gives the writer a commit of the record "alone" and returns when it has
// taken it.
func (d *Driver) Occupy(t *testing.T) {
	t.Helper()
	r := &request{writes: []storage.Write{{Key: "alone"}}, done: make(chan error, 1)}
	d.writes.queue <- r
	require.Eventually(t, r.taken.Load, time.Minute, time.Millisecond)
}

// Read reads from one state of the database for so long.
func (d *Driver) Read(t *testing.T, long time.Duration) {
	d.reads.mu.RLock()
	defer d.reads.mu.RUnlock()
	tx, err := d.reads.db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = tx.Rollback() }()
	var count int
	if err := tx.QueryRow("SELECT count(*) FROM records").Scan(&count); err != nil {
		t.Error(err)
	}
	<-time.After(long)
}

// LimitPages makes the database full at that number of pages.
func (d *Driver) LimitPages(t *testing.T, pages int) {
	var limit int
	require.NoError(t, d.writes.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&limit))
	require.Equal(t, pages, limit)
}

// Settings returns what a pragma is on a connection that reads and on the one
// that writes.
func (d *Driver) Settings(ctx context.Context, pragma string) (values []string, err error) {
	for _, row := range []*sql.Row{d.reads.db.QueryRowContext(ctx, "PRAGMA "+pragma), d.writes.conn.QueryRowContext(ctx, "PRAGMA "+pragma)} {
		var value string
		if err := row.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

var (
	SQLiteError = sqliteError
	CommitError = commitError
	SystemError = systemError
	Sentinel    = sentinel
	LeavesOpen  = leavesOpen
	FromURL     = fromURL
)
