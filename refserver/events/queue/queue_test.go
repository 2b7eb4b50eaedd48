package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/pubsub/mempubsub"

	"reconnect.example/refserver/events"
	"reconnect.example/refserver/events/queue"
	"reconnect.example/vault/vaulttest"
)

func TestWhatHappensArrivesInAQueue(t *testing.T) {
	t.Parallel()
	topic := mempubsub.NewTopic()
	sub := mempubsub.NewSubscription(topic, time.Minute)
	stage := vaulttest.New(t, &vaulttest.Options{Events: events.Together(queue.New(topic, ""))})
	stage.Person(t)
	stage.Clock.Advance(time.Hour)
	_, err := stage.PublishEvents(t.Context())
	require.NoError(t, err)
	m, err := sub.Receive(t.Context())
	require.NoError(t, err)
	m.Ack()
	require.Equal(t, events.ContentType, m.Metadata["content-type"])
	require.Regexp(t, `^\{"specversion":"1.0","id":"[a-z2-7]{26}","source":"urn:reconnect:server","type":"org.reconnect.vault.created","time":"2026-03-02T09:00:00Z"\}$`, string(m.Body))
	require.NoError(t, sub.Shutdown(t.Context()))
	require.NoError(t, topic.Shutdown(t.Context()))
	stage.Person(t)
	stage.Clock.Advance(time.Hour)
	r, err := stage.PublishEvents(t.Context())
	require.Error(t, err, "the queue is away")
	require.Equal(t, 1, r.Failed)
}
