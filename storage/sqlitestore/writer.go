package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"

	"reconnect.example/storage"
)

// A group is bounded so that the first to come does not wait long for the rest.
const (
	groupCommits = 64
	groupBytes   = 4 << 20
)

// The log is emptied every so many pages, and by force when it has more than the
// larger number: 4 and 16 MiB.
const (
	pageBytes = 4096
	shortLog  = 1000
	longLog   = 4000
)

const (
	putSQL      = `INSERT INTO records (key, version, value) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value`
	deleteSQL   = `DELETE FROM records WHERE key = ?`
	sequenceSQL = `UPDATE sequence SET last = ?`
)

// writer owns the one connection that writes and the goroutine that uses it.
// All commits that wait while one is flushed go into the next transaction
// together: the flush is what takes time, and it is the same for one and for
// many. Each is checked against the writes of those before it.
type writer struct {
	db      *sql.DB
	conn    *sql.Conn
	queue   chan *request
	stopped chan struct{}

	versions, put, remove, sequence *sql.Stmt

	readers *sync.RWMutex // of reads

	last   storage.Version // given to a record
	logged int             // pages written since the log was last emptied, about
}

// request is one commit on its way through the queue.
type request struct {
	checks []storage.Check
	writes []storage.Write
	taken  atomic.Bool // by the writer, to be done, or by the caller, to be dropped
	done   chan error
}

func openWriter(ctx context.Context, path string, readers *sync.RWMutex) (*writer, error) {
	db, err := openPool(dataSource(path), 1)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, readers: readers, queue: make(chan *request, groupCommits), stopped: make(chan struct{})}
	if err := w.prepare(ctx); err != nil {
		return nil, errors.Join(err, w.release())
	}
	go w.run()
	return w, nil
}

func (w *writer) prepare(ctx context.Context) (err error) {
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return sqliteError("open", err)
	}
	if w.last, err = checkSchema(ctx, w.conn); err != nil {
		return err
	}
	for statement, query := range map[**sql.Stmt]string{
		&w.versions: versionsSQL, &w.put: putSQL, &w.remove: deleteSQL, &w.sequence: sequenceSQL,
	} {
		if *statement, err = w.conn.PrepareContext(ctx, query); err != nil {
			return sqliteError("open", err)
		}
	}
	return nil
}

// close lets the goroutine finish what is in the queue. Nobody may be in commit.
func (w *writer) close() error {
	close(w.queue)
	<-w.stopped
	return w.release()
}

// release closes the connection. SQLite keeps one open, and its files with it,
// for as long as one of its statements is.
func (w *writer) release() error {
	var errs []error
	for _, statement := range []*sql.Stmt{w.versions, w.put, w.remove, w.sequence} {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	if err := errors.Join(append(errs, w.db.Close())...); err != nil {
		return sqliteError("close", err)
	}
	return nil
}

// commit waits for its turn and its answer.
func (w *writer) commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	r := &request{checks: slices.Clone(checks), writes: make([]storage.Write, len(writes)), done: make(chan error, 1)}
	for i, write := range writes {
		// If ctx ends, the caller goes and changes its bytes while they are written.
		r.writes[i] = storage.Write{Key: write.Key, Value: bytes.Clone(write.Value), Delete: write.Delete}
	}
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	return w.await(ctx, r)
}

// await returns the answer to a commit, or takes it back, or, when it has begun
// and ctx ends, leaves it to its fate.
func (w *writer) await(ctx context.Context, r *request) error {
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
	}
	if r.taken.CompareAndSwap(false, true) {
		return ctx.Err() // the writer will pass over it
	}
	select {
	case err := <-r.done:
		return err
	default:
		return fmt.Errorf("%w: %w", storage.ErrUnknown, ctx.Err())
	}
}

func (w *writer) run() {
	defer close(w.stopped)
	for first := range w.queue {
		group := w.gather(first)
		answers, err := w.apply(group)
		for i, r := range group {
			if err != nil {
				r.done <- err
			} else {
				r.done <- answers[i]
			}
			w.logged += r.pages()
		}
		if w.logged >= shortLog {
			w.logged = 0
			w.emptyLog(context.Background())
		}
	}
}

// gather takes what is waiting, and leaves out what was given up.
func (w *writer) gather(first *request) []*request {
	var group []*request
	size := 0
	for next := first; next != nil; {
		if next.taken.CompareAndSwap(false, true) {
			group = append(group, next)
			size += next.size()
		}
		if len(group) == groupCommits || size >= groupBytes {
			break
		}
		select {
		case next = <-w.queue: // nil when the queue is closed
		default:
			next = nil
		}
	}
	return group
}

// emptyLog moves what is in the log into the database, as far as no reader still
// needs the older state there. Among many readers there may always be one, and
// the log could grow without end: when it has become long, readers are held back
// for the moment that it takes. (SQLite's own way to wait for them, the RESTART
// checkpoint, does not succeed against readers that overlap.) A failure loses
// nothing: the next call tries again.
func (w *writer) emptyLog(ctx context.Context) {
	const checkpoint = "PRAGMA wal_checkpoint(PASSIVE)"
	var busy, pages, moved int
	err := w.conn.QueryRowContext(ctx, checkpoint).Scan(&busy, &pages, &moved)
	if err != nil || pages < longLog {
		return
	}
	w.readers.Lock()
	defer w.readers.Unlock()
	_ = w.conn.QueryRowContext(ctx, checkpoint).Scan(&busy, &pages, &moved)
}

// pages estimates how much a commit adds to the log.
func (r *request) pages() int { return len(r.writes) + r.size()/pageBytes }

func (r *request) size() int {
	size := 0
	for _, write := range r.writes {
		size += len(write.Value)
	}
	return size
}

// apply does a group in one transaction. It returns an answer for each, or one
// error for all: then no answer that was found meanwhile counts, since it may
// have come from writes that did not happen.
func (w *writer) apply(group []*request) ([]error, error) {
	if len(group) == 0 {
		return nil, nil
	}
	// No caller's context: nobody may interrupt the work of the others.
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, sqliteError("begin", err)
	}
	answers := make([]error, len(group))
	wrote := false
	for i, r := range group {
		answers[i] = w.applyOne(ctx, r)
		switch {
		case answers[i] == nil:
			wrote = true
		case !errors.Is(answers[i], storage.ErrConflict):
			return nil, errors.Join(answers[i], w.rollback(ctx))
		}
	}
	if !wrote {
		return answers, w.rollback(ctx)
	}
	if _, err := w.sequence.ExecContext(ctx, w.last); err != nil {
		return nil, errors.Join(sqliteError("write", err), w.rollback(ctx))
	}
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return nil, errors.Join(commitError(err), w.rollback(ctx))
	}
	return answers, nil
}

func (w *writer) applyOne(ctx context.Context, r *request) error {
	if err := hold(ctx, w.versions, r.checks); err != nil {
		if errors.Is(err, storage.ErrConflict) {
			return err
		}
		return sqliteError("check", err)
	}
	w.last++ // also if this fails: a version is never given twice
	for _, write := range r.writes {
		var err error
		if write.Delete {
			_, err = w.remove.ExecContext(ctx, write.Key)
		} else {
			_, err = w.put.ExecContext(ctx, write.Key, w.last, nonNil(write.Value))
		}
		if err != nil {
			return sqliteError("write", err)
		}
	}
	return nil
}

// nonNil keeps an empty value from becoming NULL.
func nonNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// rollback ends a transaction that SQLite may have ended already.
func (w *writer) rollback(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	if err != nil && code(err) != sqlite3.SQLITE_ERROR {
		return sqliteError("roll back", err)
	}
	return nil
}
