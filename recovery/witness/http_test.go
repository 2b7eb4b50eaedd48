package witness_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// remote is a running server of one client, "service".
type remote struct {
	url    string
	end    func()
	w      *witness.Witness
	client *witness.Client
}

func newRemote(t *testing.T, driver storage.Driver) *remote {
	r := &remote{w: start(t, driver, witness.Config{Seed: witnessSeed, Operator: operatorKey.Public()})}
	r.url, r.end = serving(t, newServer(t, served(t, "service", r.w)).HTTP())
	r.client = newClient(t, "service", r.url)
	return r
}

// spoken is what a request gives on a connection of TLS that a test made itself:
// the first bytes of the answer, or why there are none.
func spoken(t *testing.T, url string, config *tls.Config) error {
	t.Helper()
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "https://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	if _, err := io.WriteString(conn, "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK\r\n") {
		return fmt.Errorf("answered %.40q", answer)
	}
	return nil
}

// certificate is a self-signed one of any key.
func certificate(t *testing.T, public, private any) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// certificateOf is one that this identity can prove.
func certificateOf(t *testing.T, i *witness.Identity) tls.Certificate {
	t.Helper()
	private := ed25519.NewKeyFromSeed(i.Seed())
	return certificate(t, private.Public(), private)
}

func TestOnlyKnownKeysGetThroughTheHandshake(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	known := ed25519.NewKeyFromSeed(identity(t, "service").Seed())
	stranger := ed25519.NewKeyFromSeed(identity(t, "stranger").Seed())
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	stolen := certificate(t, known.Public(), known)
	stolen.PrivateKey = stranger // the certificate is not secret, the key is

	with := func(change func(*tls.Config), certificates ...tls.Certificate) *tls.Config {
		c := &tls.Config{InsecureSkipVerify: true, Certificates: certificates} //nolint:gosec // it is the server that is tested
		if change != nil {
			change(c)
		}
		return c
	}
	require.NoError(t, spoken(t, r.url, with(nil, certificate(t, known.Public(), known))), "or the rest proves nothing")
	for name, config := range map[string]*tls.Config{
		"no certificate":           with(nil),
		"another key":              with(nil, certificate(t, stranger.Public(), stranger)),
		"a key of another kind":    with(nil, certificate(t, curve.Public(), curve)),
		"a certificate alone":      with(nil, stolen),
		"TLS 1.2":                  with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, certificate(t, known.Public(), known)), //nolint:gosec // refused
		"the key as a second link": with(nil, tls.Certificate{Certificate: [][]byte{certificate(t, stranger.Public(), stranger).Certificate[0], certificate(t, known.Public(), known).Certificate[0]}, PrivateKey: stranger}),
	} {
		require.Error(t, spoken(t, r.url, config), name)
	}
	plain, err := http.Get(strings.Replace(r.url, "https:", "http:", 1)) //nolint:noctx // a test
	require.NoError(t, err)
	require.NoError(t, plain.Body.Close())
	require.Equal(t, http.StatusBadRequest, plain.StatusCode, "no word without TLS")
}

func TestAClientSpeaksOnlyToTheKeyItWasGiven(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	p := newPerson(t)
	h := register(t, r.client, p)

	impostor, err := witness.NewServer(witness.ServerConfig{Identity: identity(t, "impostor"), Clients: []witness.ServedClient{served(t, "service", r.w)}})
	require.NoError(t, err)
	url, _ := serving(t, impostor.HTTP())
	_, err = newClient(t, "service", url).Latest(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrUnavailable)
	require.ErrorContains(t, err, "another key")

	_, err = newClient(t, "stranger", r.url).Latest(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrUnavailable)

	latest, err := r.client.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.heads(), latest)
}

// The handshake refuses strangers; a handler that somebody mounts in another way
// must do so, too.
func TestTheHandlerAnswersNobodyWithoutAKnownKey(t *testing.T) {
	t.Parallel()
	server := newServer(t, served(t, "service", start(t, memstore.New(), witness.Config{})))
	stranger := ed25519.NewKeyFromSeed(identity(t, "stranger").Seed())
	leaf, err := x509.ParseCertificate(certificate(t, stranger.Public(), stranger).Certificate[0])
	require.NoError(t, err)
	for name, state := range map[string]*tls.ConnectionState{
		"no TLS": nil, "no certificate": {}, "another key": {PeerCertificates: []*x509.Certificate{leaf}},
	} {
		request := httptest.NewRequest(http.MethodGet, "/v1/health", nil)
		request.TLS = state
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusForbidden, recorder.Code, name)
		require.Empty(t, recorder.Body.String())
	}
}

func TestTwoClientsCannotTouchEachOthersVaults(t *testing.T) {
	t.Parallel()
	store := storage.New(memstore.New())
	part := func(name string) *witness.Witness {
		w, err := witness.New(witness.Config{Store: store.Under("client/" + name + "/"), Seed: witnessSeed, Operator: operatorKey.Public()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, w.Close()) })
		return w
	}
	url, _ := serving(t, newServer(t, served(t, "alpha", part("alpha")), served(t, "beta", part("beta"))).HTTP())
	alpha, beta := newClient(t, "alpha", url), newClient(t, "beta", url)

	p := newPerson(t)
	h, side := p.sideOf(1, "first", nil)
	require.NoError(t, alpha.Keep(t.Context(), p.vault, h.record, side))
	_, err := alpha.Raise(t.Context(), p.vault, h.heads(at("shared", 3, 's')), h.record, true)
	require.NoError(t, err)
	for range 5 {
		_, err := alpha.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
	}

	latest, err := beta.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Empty(t, latest)
	_, _, err = beta.OwnerSide(t.Context(), p.vault)
	require.ErrorIs(t, err, witness.ErrUnregistered)
	vaults, err := beta.Vaults(t.Context(), [16]byte{}, 1000)
	require.NoError(t, err)
	require.Empty(t, vaults)
	require.ErrorIs(t, beta.Reset(t.Context(), p.vault, password, p.reset(password, 5)), witness.ErrUnregistered)
	_, err = beta.Restore(t.Context(), p.vault, p.restored(1))
	require.ErrorIs(t, err, witness.ErrUnregistered)
	_, err = beta.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 9, 'x')}, nil, true)
	require.ErrorIs(t, err, witness.ErrUnregistered)
	thief := newPerson(t) // who registers the same id, and erases it
	thief.vault = p.vault
	stone := thief.tombstone(7)
	_, err = beta.Raise(t.Context(), p.vault, stone.heads(), stone.record, true)
	require.NoError(t, err)
	for range 5 {
		tries, err := beta.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
		require.Zero(t, tries.Wait)
	}

	latest, err = alpha.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.heads(at("shared", 3, 's')), latest)
	owner, kept, err := alpha.OwnerSide(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.record, owner)
	require.Equal(t, side, kept)
	tries, err := alpha.Count(t.Context(), p.vault, password)
	require.NoError(t, err)
	require.EqualValues(t, 5, tries.Total)
	require.Positive(t, tries.Wait)
}

func TestAClientThatChangesItsIdentityIsServedUnderBoth(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{})
	url, _ := serving(t, newServer(t, served(t, "old", w), served(t, "new", w)).HTTP())
	p := newPerson(t)
	h := register(t, newClient(t, "old", url), p)
	latest, err := newClient(t, "new", url).Latest(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.heads(), latest)
}

func TestAHundredCallsAtOnceShareTheConnections(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{})
	h := newServer(t, served(t, "service", w)).HTTP()
	var connections atomic.Int32
	h.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	var requests atomic.Int32
	inner := h.Handler
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		inner.ServeHTTP(w, r)
	})
	url, _ := serving(t, h)
	client, err := witness.NewClient(witness.ClientConfig{
		URL: url, Identity: identity(t, "service"), Server: identity(t, "witness").Public(), Connections: 4, Timeout: time.Minute,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })

	failures := make([]error, 100)
	var allowed atomic.Int32
	var all sync.WaitGroup
	for n := range failures {
		all.Go(func() {
			tries, err := client.Count(t.Context(), [16]byte{byte(n % 4)}, password)
			if failures[n] = err; err == nil && tries.Wait == 0 {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(failures...))
	require.EqualValues(t, 4*5, allowed.Load(), "counted as by one witness (F9)")
	require.LessOrEqual(t, connections.Load(), int32(4))
	require.EqualValues(t, 100, requests.Load(), "one round trip a call")
}

func TestAServerThatStartsAgainIsFoundAgain(t *testing.T) {
	t.Parallel()
	driver := kept{memstore.New()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	client := newClient(t, "service", "https://"+address)
	p := newPerson(t)
	h := p.head(1, nil)

	for round := range uint64(3) {
		w, err := witness.New(witness.Config{Store: storage.New(driver)})
		require.NoError(t, err)
		again, err := net.Listen("tcp", address)
		require.NoError(t, err)
		server := newServer(t, served(t, "service", w)).HTTP()
		ended := make(chan error, 1)
		go func() { ended <- server.ServeTLS(again, "", "") }()

		require.NoError(t, client.Health(t.Context()), "a kept connection that ended costs nobody an error")
		_, err = client.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		remembered, err := client.Raise(t.Context(), p.vault, []witness.Checkpoint{at("journal", round+1, 'j')}, nil, false)
		require.NoError(t, err)
		require.Equal(t, h.heads(at("journal", round+1, 'j')), remembered)

		require.NoError(t, server.Shutdown(t.Context()))
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
		require.NoError(t, w.Close())
		_, err = client.Latest(t.Context(), p.vault)
		require.ErrorIs(t, err, witness.ErrUnavailable)
		require.ErrorIs(t, client.Health(t.Context()), witness.ErrUnavailable)
	}
}

func TestAWitnessThatWasClosedSaysSo(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	require.NoError(t, r.client.Health(t.Context()))
	require.NoError(t, r.w.Close())
	require.ErrorIs(t, r.client.Health(t.Context()), witness.ErrClosed)
	_, err := r.client.Count(t.Context(), [16]byte{1}, password)
	require.ErrorIs(t, err, witness.ErrClosed)
}

func TestAfterCloseAClientRefusesEveryCall(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	require.NoError(t, r.client.Health(t.Context()))
	require.NoError(t, r.client.Close())
	require.NoError(t, r.client.Close())
	for name, call := range everyCall(newPerson(t)) {
		require.ErrorIs(t, call(t.Context(), r.client), witness.ErrClosed, name)
	}
	require.NoError(t, newClient(t, "service", r.url).Health(t.Context()), "the server is none the wiser")
}

func TestTheContextOfACallerEndsACall(t *testing.T) {
	t.Parallel()
	driver := &gate{Driver: memstore.New()}
	r := newRemote(t, driver)
	driver.shut = make(chan struct{})
	t.Cleanup(func() { close(driver.shut) })
	for name, call := range everyCall(newPerson(t)) {
		if name == "vaults" || name == "forks" || name == "prepare" {
			continue // these read what the gate lets through
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := call(ctx, r.client)
		cancel()
		require.ErrorIs(t, err, witness.ErrUnavailable, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
	}
	impatient, err := witness.NewClient(witness.ClientConfig{
		URL: r.url, Identity: identity(t, "service"), Server: identity(t, "witness").Public(), Timeout: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, impatient.Close()) })
	_, err = impatient.Count(t.Context(), [16]byte{1}, password)
	require.ErrorIs(t, err, witness.ErrUnavailable, "without a word of the caller, its own limit holds")
}
