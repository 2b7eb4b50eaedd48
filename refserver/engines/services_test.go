//go:build services

package engines

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/pubsub"

	"reconnect.example/examples/ownqueue/pgqueue"
	"reconnect.example/internal/testservices"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

// One import, and a URL: a real broker takes events from the server, and keeps them when
// the server ends.
func TestAQueueWithADriverOfOnesOwnIsOpenedByItsURL(t *testing.T) {
	t.Parallel()
	to := strings.Replace(testservices.Postgres(t), "postgres:", pgqueue.Scheme+":", 1)
	c := &config.Config{}
	c.Events, c.Serve.Address = config.URL(to), "https://espace.example.org"
	events, end, err := openQueue(t.Context(), c)
	require.NoError(t, err)
	event := vault.Event{ID: vault.ID{1}.String(), Type: vault.EventVaultCreated, Hour: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	require.NoError(t, events.Publish(t.Context(), event))
	require.NoError(t, end())
	require.Error(t, events.Publish(t.Context(), event), "it has ended")

	sub, err := pubsub.OpenSubscription(t.Context(), to)
	require.NoError(t, err)
	m, err := sub.Receive(t.Context())
	require.NoError(t, err)
	m.Ack()
	require.Contains(t, string(m.Body), `"id":"`+event.ID+`","source":"https://espace.example.org"`)
	require.NoError(t, sub.Shutdown(t.Context()))

	for _, wrong := range []string{"pgqueue://ann:geheim@127.0.0.1:1/x?connect_timeout=1", "pgqueue://ann:geheim@127.0.0.1:nonsense/x", "other://ann:geheim@example.org/x"} {
		c.Events = config.URL(wrong)
		_, _, err := openQueue(t.Context(), c)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "geheim")
	}
}
