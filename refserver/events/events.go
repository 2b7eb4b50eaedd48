// Package events says what happened in the form that other programs know: CloudEvents 1.0
// (https://cloudevents.io), in structured JSON. The sinks are elsewhere: webhooks in
// refserver/webhooks, queues by way of gocloud.dev/pubsub in refserver/events/queue.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"reconnect.example/vault"
)

// ContentType is that of what [Encode] returns.
const ContentType = "application/cloudevents+json"

// TypePrefix stands before the types of vault events.
const TypePrefix = "org.reconnect."

// DefaultSource is the source of a server that has no address.
const DefaultSource = "urn:reconnect:server"

// cloudEvent has the required attributes, and the time. No subject, which would be a
// person, and no data.
type cloudEvent struct {
	SpecVersion string `json:"specversion"`
	ID          string `json:"id"`
	Source      string `json:"source"`
	Type        string `json:"type"`
	Time        string `json:"time"`
}

// Encode returns an event as a CloudEvent. source is a URI that names the server, the
// same for all of its events; "": [DefaultSource]. The same event has the same bytes.
func Encode(e vault.Event, source string) ([]byte, error) {
	if source == "" {
		source = DefaultSource
	}
	return json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: source, Type: TypePrefix + string(e.Type), Time: e.Hour.UTC().Format(time.RFC3339),
	})
}

// Together gives each event to all of some sinks. It is taken when all have taken it;
// otherwise all are given it again, so those that did take it get it twice. None: nil.
func Together(sinks ...vault.Events) vault.Events {
	switch len(sinks) {
	case 0:
		return nil
	case 1:
		return sinks[0]
	}
	return together(sinks)
}

type together []vault.Events

// Publish gives it to the others also if one fails.
func (t together) Publish(ctx context.Context, e vault.Event) error {
	var errs []error
	for _, sink := range t {
		errs = append(errs, sink.Publish(ctx, e))
	}
	return errors.Join(errs...)
}
