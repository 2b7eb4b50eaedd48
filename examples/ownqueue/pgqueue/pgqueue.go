// Package pgqueue is a driver of gocloud.dev/pubsub for a queue of one's own: a table in
// PostgreSQL. It shows all that a broker for which there is no driver yet takes (MQTT,
// Redis, AMQP 1.0, what a house has): two small interfaces, and a URL scheme. Whoever imports
// it opens "pgqueue://user:password@host/database".
package pgqueue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"gocloud.dev/gcerrors"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/driver"
)

// Scheme is that of the URLs.
const Scheme = "pgqueue"

func init() { //nolint:gochecknoinits // so that importing a driver is all there is to it, as with every driver of gocloud
	pubsub.DefaultURLMux().RegisterTopic(Scheme, opener{})
	pubsub.DefaultURLMux().RegisterSubscription(Scheme, opener{})
}

type opener struct{}

// OpenTopicURL implements [pubsub.TopicURLOpener].
func (opener) OpenTopicURL(ctx context.Context, u *url.URL) (*pubsub.Topic, error) {
	q, err := open(ctx, u)
	if err != nil {
		return nil, err
	}
	return pubsub.NewTopic(&topic{q}, nil), nil
}

// OpenSubscriptionURL implements [pubsub.SubscriptionURLOpener].
func (opener) OpenSubscriptionURL(ctx context.Context, u *url.URL) (*pubsub.Subscription, error) {
	q, err := open(ctx, u)
	if err != nil {
		return nil, err
	}
	return pubsub.NewSubscription(&subscription{q}, nil, nil), nil
}

// queue is the table. A message is a row; who receives it has it for a minute, and
// deletes it to acknowledge.
type queue struct{ pool *pgxpool.Pool }

const lease = time.Minute

func open(ctx context.Context, u *url.URL) (*queue, error) {
	as := *u
	as.Scheme = "postgres"
	pool, err := pgxpool.New(ctx, as.String())
	if err != nil {
		return nil, errors.New("pgqueue: the URL is wrong") // the error of pgx repeats it, with its password
	}
	// Two that begin at once may both make the table: the lock lets one of them.
	_, err = pool.Exec(ctx, `SELECT pg_advisory_lock(7230114); CREATE TABLE IF NOT EXISTS queue (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL, metadata jsonb NOT NULL, taken_until timestamptz NOT NULL DEFAULT '-infinity');
		SELECT pg_advisory_unlock(7230114)`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("pgqueue: %w", err)
	}
	return &queue{pool}, nil
}

type topic struct{ *queue }

// SendBatch implements [driver.Topic]: all or none, and durable when it returns. A server
// of Reconnect deletes its own copy then.
func (t *topic) SendBatch(ctx context.Context, all []*driver.Message) error {
	return pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		for _, m := range all {
			metadata := m.Metadata
			if metadata == nil {
				metadata = map[string]string{}
			}
			if _, err := tx.Exec(ctx, `INSERT INTO queue (body, metadata) VALUES ($1, $2)`, m.Body, metadata); err != nil {
				return err
			}
		}
		return nil
	})
}

type subscription struct{ *queue }

// ReceiveBatch implements [driver.Subscription].
func (s *subscription) ReceiveBatch(ctx context.Context, most int) (out []*driver.Message, err error) {
	rows, err := s.pool.Query(ctx, `UPDATE queue SET taken_until = now() + $1 WHERE id IN
		(SELECT id FROM queue WHERE taken_until < now() ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id, body, metadata`, lease, most)
	if err != nil {
		return nil, err
	}
	out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*driver.Message, error) {
		m, id := &driver.Message{}, int64(0)
		err := row.Scan(&id, &m.Body, &m.Metadata)
		m.AckID, m.LoggableID = id, fmt.Sprint(id)
		return m, err
	})
	if err == nil && len(out) == 0 { // asked again at once otherwise
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	return out, err
}

// SendAcks implements [driver.Subscription].
func (s *subscription) SendAcks(ctx context.Context, ids []driver.AckID) error {
	return s.each(ctx, `DELETE FROM queue WHERE id = $1`, ids)
}

// CanNack implements [driver.Subscription].
func (s *subscription) CanNack() bool { return true }

// SendNacks implements [driver.Subscription].
func (s *subscription) SendNacks(ctx context.Context, ids []driver.AckID) error {
	return s.each(ctx, `UPDATE queue SET taken_until = '-infinity' WHERE id = $1`, ids)
}

func (s *subscription) each(ctx context.Context, statement string, ids []driver.AckID) error {
	var batch pgx.Batch
	for _, id := range ids {
		batch.Queue(statement, id)
	}
	return s.pool.SendBatch(ctx, &batch).Close()
}

// Close implements [driver.Topic] and [driver.Subscription].
func (q *queue) Close() error {
	q.pool.Close()
	return nil
}

// IsRetryable implements [driver.Topic] and [driver.Subscription]: nothing is tried again
// here. What a topic did not take, the server gives it again after five minutes.
func (q *queue) IsRetryable(error) bool { return false }

// As implements [driver.Topic] and [driver.Subscription].
func (q *queue) As(i any) bool {
	p, ok := i.(**pgxpool.Pool)
	if ok {
		*p = q.pool
	}
	return ok
}

// ErrorAs implements [driver.Topic] and [driver.Subscription].
func (q *queue) ErrorAs(err error, i any) bool { return errors.As(err, i) }

// ErrorCode implements [driver.Topic] and [driver.Subscription].
func (q *queue) ErrorCode(err error) gcerrors.ErrorCode {
	var said *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled):
		return gcerrors.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return gcerrors.DeadlineExceeded
	case errors.As(err, &said) && said.Code[:2] == "53": // no room, or too many connections
		return gcerrors.ResourceExhausted
	}
	return gcerrors.Unknown
}
