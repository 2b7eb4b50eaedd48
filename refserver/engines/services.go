//go:build services

package engines

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/pubsub"             // A queue for events: import its driver here.
	_ "gocloud.dev/pubsub/mempubsub" // mem: in this process only, to try it
	"gocloud.dev/secrets"            // Another key service: import its driver here.

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/events/queue"
	_ "reconnect.example/storage/bucket/s3bucket" // s3: URLs
	_ "reconnect.example/storage/postgresstore"   // postgres: URLs
	"reconnect.example/vault"
)

// openKeyService opens a key service of others, through gocloud.
func openKeyService(ctx context.Context, c *config.Config) (vault.Keeper, func() error, error) {
	known := secrets.DefaultURLMux()
	if !known.ValidKeeperScheme(c.Keys.Scheme()) {
		return nil, nil, fmt.Errorf("%w: no driver for the scheme %q is built in (there are: %s); add its import to refserver/engines",
			vault.ErrKeyService, c.Keys.Scheme(), strings.Join(append(ownKeySchemes(), known.KeeperSchemes()...), ", "))
	}
	keeper, err := secrets.OpenKeeper(ctx, c.Keys.Reveal())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: --keys cannot be opened: %s", vault.ErrKeyService, without(err.Error(), c.Keys.Reveal()))
	}
	return keeper, keeper.Close, nil
}

// openQueue opens a queue of the operator's, through gocloud.
func openQueue(ctx context.Context, c *config.Config) (vault.Events, func() error, error) {
	known := pubsub.DefaultURLMux()
	if !known.ValidTopicScheme(c.Events.Scheme()) {
		return nil, nil, fmt.Errorf("no driver for the scheme %q is built in (there are: %s); add its import to refserver/engines",
			c.Events.Scheme(), strings.Join(known.TopicSchemes(), ", "))
	}
	topic, err := pubsub.OpenTopic(ctx, c.Events.Reveal())
	if err != nil {
		return nil, nil, fmt.Errorf("it cannot be opened: %s", without(err.Error(), c.Events.Reveal()))
	}
	end := func() error {
		waits, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return topic.Shutdown(waits)
	}
	return queue.New(topic, c.Serve.Address), end, nil
}

// elsewhere adds nothing: all drivers are built in.
func elsewhere(_ config.URL, err error) error { return err }

// without takes a URL and its parts out of a text that others wrote.
func without(text, raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	parts := []string{raw, u.Host, u.User.String(), u.RawQuery}
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password)
	}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, part := range parts {
		if part != "" {
			text = strings.ReplaceAll(text, part, "…")
		}
	}
	return text
}
