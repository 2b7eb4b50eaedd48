package witness

import (
	"context"
	"hash/maphash"
)

// queue lets those who work on one vault or one counter go one after the other
// instead of colliding in the store, where the transaction that always loses
// would give up. Between processes the store arbitrates. Different keys share a
// place now and then; that costs a wait and nothing else.
type queue struct {
	seed   maphash.Seed
	places [256]chan struct{}
}

func newQueue() *queue {
	q := &queue{seed: maphash.MakeSeed()}
	for i := range q.places {
		q.places[i] = make(chan struct{}, 1)
	}
	return q
}

// enter waits for the place of key. Call leave exactly once if there is no error.
func (q *queue) enter(ctx context.Context, key string) (leave func(), err error) {
	place := q.places[maphash.String(q.seed, key)%uint64(len(q.places))]
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
