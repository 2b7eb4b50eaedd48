// Package queue gives events to a queue of the operator's, by way of gocloud.dev/pubsub:
// whatever has a driver there. Who uses it imports the driver.
package queue

import (
	"context"

	"gocloud.dev/pubsub"

	"reconnect.example/refserver/events"
	"reconnect.example/vault"
)

// Sink is a [vault.Events] over a topic.
type Sink struct {
	topic  *pubsub.Topic
	source string
}

// New returns a sink. The topic stays the caller's, who shuts it down. source is as for
// [events.Encode].
func New(topic *pubsub.Topic, source string) *Sink { return &Sink{topic, source} }

// Publish returns when the queue has taken the event: one CloudEvent in structured mode,
// with its media type as the message's "content-type", as the bindings of CloudEvents for
// queues say.
func (s *Sink) Publish(ctx context.Context, e vault.Event) error {
	body, err := events.Encode(e, s.source)
	if err != nil {
		return err
	}
	return s.topic.Send(ctx, &pubsub.Message{Body: body, Metadata: map[string]string{"content-type": events.ContentType}})
}
