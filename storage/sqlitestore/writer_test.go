package sqlitestore

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// In these tests the test itself plays the goroutine of the writer.

func newIdleWriter() *writer { return &writer{queue: make(chan *request, groupCommits)} }

// commitInBackground returns the commit as the writer gets it, and its answer.
func commitInBackground(ctx context.Context, w *writer, value []byte) (*request, <-chan error) {
	answer := make(chan error, 1)
	go func() { answer <- w.commit(ctx, nil, []storage.Write{{Key: "a", Value: value}}) }()
	return <-w.queue, answer
}

func TestCommitGivenUpInTheQueueIsPassedOver(t *testing.T) {
	t.Parallel()
	w := newIdleWriter()
	ctx, cancel := context.WithCancel(t.Context())
	given, answer := commitInBackground(ctx, w, nil)
	cancel()
	err := <-answer
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, storage.ErrUnknown)

	next := &request{}
	w.queue <- next
	require.Equal(t, []*request{next}, w.gather(given))
	require.Empty(t, w.gather(given))
}

func TestCommitGivenUpAfterItBeganIsUnknown(t *testing.T) {
	t.Parallel()
	w := newIdleWriter()
	ctx, cancel := context.WithCancel(t.Context())
	value := []byte("mine")
	begun, answer := commitInBackground(ctx, w, value)
	require.Len(t, w.gather(begun), 1)
	cancel()
	err := <-answer
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, storage.ErrUnknown)
	copy(value, "XXXX") // the caller goes on
	require.Equal(t, "mine", string(begun.writes[0].Value))
	begun.done <- nil // the writer does not wait for somebody to listen
}

func TestAnswerThatIsThereCountsMoreThanTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	for range 50 { // select chooses at random
		w := newIdleWriter()
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan struct{})
		answer := make(chan error, 1)
		r := &request{done: make(chan error, 1)}
		go func() {
			<-cancelled
			answer <- w.await(ctx, r)
		}()
		require.Len(t, w.gather(r), 1)
		r.done <- storage.ErrConflict
		cancel()
		close(cancelled)
		require.ErrorIs(t, <-answer, storage.ErrConflict)
	}
}

func TestFullQueueLetsGoOfACallerWhoseContextEnds(t *testing.T) {
	t.Parallel()
	w := newIdleWriter()
	for range groupCommits {
		w.queue <- &request{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() { answer <- w.commit(ctx, nil, []storage.Write{{Key: "a"}}) }()
	cancel()
	err := <-answer
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	require.Len(t, w.queue, groupCommits)
}

func TestGroupIsBounded(t *testing.T) {
	t.Parallel()
	large := func() *request {
		return &request{writes: []storage.Write{{Value: make([]byte, storage.MaxValue)}}}
	}
	w := newIdleWriter()
	for range 6 {
		w.queue <- large()
	}
	require.Len(t, w.gather(large()), groupBytes/storage.MaxValue)
	require.Len(t, w.gather(<-w.queue), 3)

	for range groupCommits {
		w.queue <- &request{}
	}
	require.Len(t, w.gather(&request{}), groupCommits)
	close(w.queue)
	require.Len(t, w.gather(<-w.queue), 1, "what was in the queue at Close is done")
}
