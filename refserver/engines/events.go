package engines

import (
	"context"

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/events"
	"reconnect.example/refserver/webhooks"
	"reconnect.example/vault"
)

// openEvents opens what is told of events: a queue, webhooks, both, or nil.
func (e *Engines) openEvents(ctx context.Context, c *config.Config) (vault.Events, error) {
	var sinks []vault.Events
	if c.Events != "" {
		queue, closeQueue, err := openQueue(ctx, c)
		if err != nil {
			return nil, of("--events", err)
		}
		e.closers = append(e.closers, closeQueue)
		sinks = append(sinks, queue)
	}
	endpoints, err := c.Endpoints()
	if err != nil {
		return nil, of("--webhooks", err)
	}
	if len(endpoints) > 0 {
		e.Webhooks, err = webhooks.New(webhooks.Config{Store: e.Records, Endpoints: endpoints, Source: c.Serve.Address, Outbound: c.ReachesWebhooks()})
		if err != nil {
			return nil, of("--webhooks", err)
		}
		sinks = append(sinks, e.Webhooks)
	}
	return events.Together(sinks...), nil
}
