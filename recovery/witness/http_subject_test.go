package witness_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// identity is that of somebody in these tests, by their name.
func identity(t testingT, name string) *witness.Identity {
	seed := sha256.Sum256([]byte(name))
	i, err := witness.IdentityFromSeed(seed[:])
	require.NoError(t, err)
	return i
}

// serving runs what HTTP of a server returns, on a port of its own, until end is
// called or the test ends.
func serving(t testingT, h *http.Server) (url string, end func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.ErrorLog = log.New(io.Discard, "", 0)
	served := make(chan error, 1)
	go func() { served <- h.ServeTLS(listener, "", "") }()
	ended := false
	end = func() {
		if !ended {
			ended = true
			require.NoError(t, h.Close())
			require.ErrorIs(t, <-served, http.ErrServerClosed)
		}
	}
	t.Cleanup(end)
	return "https://" + listener.Addr().String(), end
}

func newStore() *storage.Store { return storage.New(memstore.New()) }

// damage overwrites a record with what no witness wrote.
func damage(t *testing.T, driver storage.Driver, key string) {
	t.Helper()
	require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: key, Value: []byte("damage")}}))
}

// newServer is a server with the identity "witness".
func newServer(t testingT, clients ...witness.ServedClient) *witness.Server {
	server, err := witness.NewServer(witness.ServerConfig{Identity: identity(t, "witness"), Clients: clients})
	require.NoError(t, err)
	return server
}

// served is a client by its name, in a server.
func served(t testingT, name string, w *witness.Witness) witness.ServedClient {
	return witness.ServedClient{Name: name, Key: identity(t, name).Public(), Witness: w}
}

// newClient is the client of that name, of a server with the identity "witness".
func newClient(t testingT, name, url string) *witness.Client {
	client, err := witness.NewClient(witness.ClientConfig{
		URL: url, Identity: identity(t, name), Server: identity(t, "witness").Public(), Timeout: time.Minute, // the machine may be busy
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// remotely makes a subject one that is elsewhere: a client of it, over TLS.
func remotely(t testingT, s *subject) *subject {
	end := func() {}
	again := func() {
		end()
		var url string
		url, end = serving(t, newServer(t, served(t, "service", s.api.(*witness.Witness))).HTTP())
		s.api = newClient(t, "service", url)
	}
	restart, crash := s.restart, s.crash
	s.restart = func() { restart(); again() }
	s.crash = func() { crash(); again() }
	again()
	return s
}

func TestConformanceOverHTTP(t *testing.T) {
	t.Parallel()
	runConformance(t, func(t *testing.T) *subject { return remotely(t, inMemory(t)) })
}

// A witness that shares its store with others, below a prefix of its own, is as
// good as one that has it alone.
func TestConformanceOverHTTPBesideOthers(t *testing.T) {
	t.Parallel()
	all := kept{memstore.New()}
	var clients atomic.Int32
	runConformance(t, func(t *testing.T) *subject {
		prefix := fmt.Sprintf("client/%d/", clients.Add(1))
		return remotely(t, newSubject(t, func() storage.Driver { return storage.Under(all, prefix) }))
	})
}
