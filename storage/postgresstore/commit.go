package postgresstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"reconnect.example/storage"
)

// maxAttempts is how often a commit is sent of which the server said that it
// did nothing because of others. Pauses of up to 1, 2, 4 ... ms lie between.
const maxAttempts = 8

const commitSQL = `SELECT reconnect.commit($1, $2, $3, $4, $5)`

// arguments are those of the function commit of the database.
type arguments struct {
	checkKeys     []string
	checkVersions []int64
	putKeys       []string
	putValues     [][]byte
	deleteKeys    []string
}

func argumentsOf(checks []storage.Check, writes []storage.Write) arguments {
	a := arguments{putKeys: []string{}, putValues: [][]byte{}, deleteKeys: []string{}}
	a.checkKeys, a.checkVersions = columns(checks)
	for _, w := range writes {
		if w.Delete {
			a.deleteKeys = append(a.deleteKeys, w.Key)
			continue
		}
		value := w.Value
		if value == nil {
			value = []byte{} // not NULL
		}
		a.putKeys, a.putValues = append(a.putKeys, w.Key), append(a.putValues, value)
	}
	return a
}

// fate is what is known of a commit that was not answered with yes or no.
type fate int

const (
	nothingSent fate = iota // and it never will be
	nothingDone             // says the server
	unknown                 // it may have happened, or may happen yet
)

func (d *Driver) commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	a := argumentsOf(checks, writes)
	for attempt := 1; ; attempt++ {
		moved, fate, err := d.commitOnce(ctx, a)
		switch {
		case err == nil && moved != nil:
			return fmt.Errorf("%w: %q", storage.ErrConflict, *moved)
		case err == nil:
			return nil
		case fate == unknown && ctx.Err() != nil:
			return fmt.Errorf("commit: %w: %w", storage.ErrUnknown, ctx.Err())
		case fate == unknown:
			return fmt.Errorf("commit: %w: %s", storage.ErrUnknown, cause(err))
		case ctx.Err() != nil:
			return ctx.Err()
		case fate == nothingSent && attempt == 1:
			d.pool.Reset() // as in read
		case serialization(err) && attempt < maxAttempts:
			if err := pause(ctx, attempt); err != nil {
				return err
			}
		default:
			return fmt.Errorf("commit: %w", explain(ctx, err))
		}
	}
}

// commitOnce is one round trip. moved names a key whose check does not hold.
func (d *Driver) commitOnce(ctx context.Context, a arguments) (moved *string, f fate, err error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, nothingSent, err
	}
	defer conn.Release()
	// Scan waits until the server is ready for the next query: an answer that
	// comes before it is not yet that of a transaction that was committed.
	err = conn.QueryRow(ctx, commitSQL, a.checkKeys, a.checkVersions, a.putKeys, a.putValues, a.deleteKeys).Scan(&moved)
	switch {
	case err == nil:
		return moved, 0, nil
	case refused(err):
		return nil, nothingDone, err
	case pgconn.SafeToRetry(err):
		return nil, nothingSent, err
	}
	return nil, unknown, err
}

// pause lets those go first who were in the way.
func pause(ctx context.Context, attempt int) error {
	wait := time.NewTimer(rand.N(time.Millisecond << min(attempt, 6)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
