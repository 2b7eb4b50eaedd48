package recovery_test

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

	"reconnect.example/internal/testservices"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/postgresstore"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/vault"
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

// Each way back in, in databases, with the witness at another organisation.
func TestTheWaysBackInDatabasesWithAWitnessElsewhere(t *testing.T) {
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
			records := open(t)
			t.Cleanup(func() { require.NoError(t, records.Close()) })
			var client *witness.Client
			opts := &recoverytest.Options{Witness: func(recovery.Witness) recovery.Witness { return client }}
			opts.Consent.Vault.Records = records
			opts.Consent.Vault.Checkpoints = func(c vault.Checkpoints) vault.Checkpoints {
				client = elsewhere(t, c.(*witness.Witness))
				return client
			}
			opts.Consent.Vault.Limiter = func(vault.Limiter) vault.Limiter { return client }
			s := recoverytest.New(t, opts)
			papers(t, s)
			both := []string{"Letter", "Diary"}

			s.Enrol(t, everyWay())
			back := s.Complete(t, s.Ready(t, vault.PathAnswersRelay), recovery.Completion{Answers: asTypedYearsLater})
			require.ElementsMatch(t, both, titles(t, back.Vault))
			sheet := s.Enrol(t, everyWay()).Sheet
			back = s.Complete(t, s.Ready(t, vault.PathSheetDesk), recovery.Completion{Sheet: sheet.Code, Password: "tavo nemi suko lade"})
			require.ElementsMatch(t, both, titles(t, back.Vault))
			s.Enrol(t, everyWay())
			back = s.Complete(t, s.Ready(t, vault.PathHelpers), recovery.Completion{})
			require.Equal(t, both[:1], titles(t, back.Vault))
			s.Wait(vault.PathHelpers, true)
			v := s.Amina.SignIn(t, s.Stage.Stage)
			_, err := s.Recovery.OpenPending(t.Context(), v, s.Secret())
			require.NoError(t, err)
			require.ElementsMatch(t, both, titles(t, s.Amina.SignIn(t, s.Stage.Stage)))
		})
	}
}
