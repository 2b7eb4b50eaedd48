package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/pubsub"

	"reconnect.example/examples/ownqueue/pgqueue"
	"reconnect.example/internal/testkeys"
	"reconnect.example/internal/testservices"
)

func TestExampleTellsAnotherProgramByAQueueOfOnesOwn(t *testing.T) {
	t.Parallel()
	testkeys.UseCheapKDF()
	to := strings.Replace(testservices.Postgres(t), "postgres:", pgqueue.Scheme+":", 1)
	folder, clock := t.TempDir(), time.Now()
	now := func() time.Time { return clock }
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), folder, to, now, &out))
	require.Equal(t, "events that the queue has taken: 0\n", out.String(), "the hour is not over")
	first := clock.UTC().Truncate(time.Hour)
	clock = clock.Add(time.Hour)
	out.Reset()
	require.NoError(t, run(t.Context(), folder, to, now, &out))
	require.Equal(t, "events that the queue has taken: 1\n", out.String())

	// The other program, which knows nothing but gocloud and CloudEvents.
	sub, err := pubsub.OpenSubscription(t.Context(), to)
	require.NoError(t, err)
	m, err := sub.Receive(t.Context())
	require.NoError(t, err)
	m.Nack() // it fails, and is given it again
	m, err = sub.Receive(t.Context())
	require.NoError(t, err)
	m.Ack()
	require.Equal(t, "application/cloudevents+json", m.Metadata["content-type"])
	require.Regexp(t, `^\{"specversion":"1.0","id":"[a-z2-7]{26}","source":"https://espace.example.org","type":"org.reconnect.vault.created","time":"`+first.Format(time.RFC3339)+`"\}$`, string(m.Body))
	require.NoError(t, sub.Shutdown(t.Context()))
	require.Equal(t, "0", testservices.PostgresSQL(t, strings.Replace(to, pgqueue.Scheme, "postgres", 1), "SELECT count(*) FROM queue"), "and it is gone")
}

// A queue that is away, or a wrong address, is told without what the URL holds.
func TestAQueueThatCannotBeOpenedKeepsItsPassword(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"pgqueue://ann:geheim@127.0.0.1:1/x?connect_timeout=1", "pgqueue://ann:geheim@127.0.0.1:nonsense/x", "other://ann:geheim@example.org"} {
		err := run(t.Context(), t.TempDir(), to, time.Now, &bytes.Buffer{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "geheim", to)
	}
}
