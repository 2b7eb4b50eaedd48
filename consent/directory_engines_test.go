package consent_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/testservices"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/sqlitestore"
)

// elsewhere is the client of a witness that is reached over HTTPS.
func elsewhere(t *testing.T, w *witness.Witness) *witness.Client {
	t.Helper()
	server, err := witness.OpenIdentity(filepath.Join(t.TempDir(), "server.key"))
	require.NoError(t, err)
	me, err := witness.OpenIdentity(filepath.Join(t.TempDir(), "me.key"))
	require.NoError(t, err)
	served, err := witness.NewServer(witness.ServerConfig{
		Identity: server, Clients: []witness.ServedClient{{Name: "paris", Key: me.Public(), Witness: w}}, Failed: func(string, string, error) {},
	})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	require.NoError(t, err)
	h := served.HTTP()
	h.ErrorLog = log.New(io.Discard, "", 0)
	ended := make(chan error, 1)
	go func() { ended <- h.ServeTLS(listener, "", "") }()
	client, err := witness.NewClient(witness.ClientConfig{URL: "https://" + listener.Addr().String(), Identity: me, Server: server.Public()})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, h.Shutdown(ctx))
		require.True(t, errors.Is(<-ended, http.ErrServerClosed))
	})
	return client
}

// The largest directories pass through the real engines, and through a witness at
// another organisation.
func TestTenThousandRelaysInDatabasesWithAWitnessElsewhere(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) storage.Driver{
		"sqlite": func(t *testing.T) storage.Driver {
			d, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), nil)
			require.NoError(t, err)
			return d
		},
		"postgres": func(t *testing.T) storage.Driver {
			d, err := postgresstore.Open(t.Context(), testservices.Postgres(t))
			require.NoError(t, err)
			return d
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.store = storage.New(open(t))
			t.Cleanup(func() { require.NoError(t, s.store.Close()) })
			s.witness.Checkpoints = elsewhere(t, s.own)
			state, relays := many(t, s, 10_000)
			began := time.Now()
			publish(t, s.open(t), state)
			t.Logf("published in %s", time.Since(began))
			fresh := s.open(t)
			began = time.Now()
			got, err := fresh.Relay(t.Context(), relays[9_999].ID)
			require.NoError(t, err)
			require.Equal(t, *relays[9_999], got)
			t.Logf("opened in %s", time.Since(began))
			_, err = s.open(t).Publish(t.Context(), carried(t, s.begin(t)))
			require.ErrorIs(t, err, consent.ErrOutdated)
		})
	}
}
