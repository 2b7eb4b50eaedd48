package config

import (
	"reconnect.example/refserver/outbound"
	"reconnect.example/refserver/webhooks"
)

// checkWebhooks reads the file, so that what is wrong is said at the start.
func (c *Config) checkWebhooks(expect func(bool, string)) {
	if _, err := c.Endpoints(); err != nil {
		expect(false, "--webhooks: "+err.Error())
	}
}

// Endpoints are the programs that are told of events; none without a file.
func (e *Engines) Endpoints() ([]webhooks.Endpoint, error) {
	if e.Webhooks == "" {
		return nil, nil
	}
	return webhooks.ReadFile(e.Webhooks, e.ReachesWebhooks())
}

// ReachesWebhooks is the client of webhooks: the operator names their addresses, and nobody
// else can.
func (e *Engines) ReachesWebhooks() *outbound.Client {
	return outbound.New(&outbound.Options{Loopback: e.WebhooksPrivate, Private: e.WebhooksPrivate})
}
