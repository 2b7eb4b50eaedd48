package witness_test

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// dial makes a connection as the client "service", to say on it whatever a test likes.
func dial(t *testing.T, url string) *tls.Conn {
	t.Helper()
	i := identity(t, "service")
	conn, err := (&tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{certificateOf(t, i)}, //nolint:gosec // it is the server that is tested
	}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "https://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn.(*tls.Conn)
}

func rawRequest(method, path, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", method, path, len(body), body)
}

// said is what a server answers to these bytes, without its header but for the
// status.
func said(t *testing.T, url, request string) (status, body string) {
	t.Helper()
	conn := dial(t, url)
	go func() { _, _ = io.WriteString(conn, request) }() // it may be refused before it is read
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	status, _, _ = strings.Cut(strings.TrimPrefix(head, "HTTP/1.1 "), " ")
	return status, body
}

func TestARequestHasOneSpelling(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	vault, counter := strings.Repeat("01", 16), hexOf(password[:])
	good := `{"vault":"` + vault + `","counter":"` + counter + `"}`
	for name, body := range map[string]string{
		"nothing":              "",
		"garbage":              "\x00\xff",
		"null":                 "null",
		"a list":               "[]",
		"an empty object":      "{}",
		"a member less":        `{"vault":"` + vault + `"}`,
		"a member more":        strings.Replace(good, "}", `,"more":1}`, 1),
		"a member twice":       strings.Replace(good, "}", `,"counter":"`+counter+`"}`, 1),
		"another order":        `{"counter":"` + counter + `","vault":"` + vault + `"}`,
		"a member in capitals": strings.Replace(good, "vault", "Vault", 1),
		"a space":              strings.Replace(good, ":", ": ", 1),
		"a line break":         good + "\n",
		"another one behind":   good + good,
		"an escaped letter":    strings.Replace(good, "vault", `v\u0061ult`, 1),
		"hex in capitals":      strings.Replace(good, counter, strings.ToUpper(hexOf([]byte{0xaa}))+counter[2:], 1),
		"a short id":           strings.Replace(good, vault, vault[1:], 1),
		"a long id":            strings.Replace(good, vault, vault+"00", 1),
		"a number for an id":   strings.Replace(good, `"`+vault+`"`, "1", 1),
		"a mark before it":     "\xef\xbb\xbf" + good,
	} {
		status, answer := said(t, r.url, rawRequest("POST", "/v1/count", body))
		require.Equal(t, "400", status, name)
		require.Equal(t, `{"code":"invalid"}`, answer, name)
	}
	status, answer := said(t, r.url, rawRequest("POST", "/v1/count", good))
	require.Equal(t, "200", status)
	require.Equal(t, `{"vault":"`+vault+`","counter":"`+counter+`","total":1,"failed":1,"wait":0}`, answer, "nothing before it was counted")
}

func TestWhatIsNoCallIsRefused(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	good := `{"vault":"` + strings.Repeat("01", 16) + `"}`
	for request, status := range map[string]string{
		rawRequest("POST", "/v1/erase", good):        "404",
		rawRequest("POST", "/v2/latest", good):       "404",
		rawRequest("POST", "/", good):                "404",
		rawRequest("POST", "/v1/", good):             "404",
		rawRequest("POST", "/v1/latest/", good):      "404",
		rawRequest("POST", "/v1/../v1/latest", good): "404",
		rawRequest("GET", "/v1/latest", ""):          "405",
		rawRequest("PUT", "/v1/latest", good):        "405",
		rawRequest("POST", "/v1/health", good):       "405",
		strings.Replace(rawRequest("POST", "/v1/latest", good), "application/json", "text/plain", 1): "415",
		strings.Replace(rawRequest("POST", "/v1/latest", good), "Content-Type", "X", 1):              "415",
	} {
		have, body := said(t, r.url, request)
		require.Equal(t, status, have, request)
		require.Equal(t, `{"code":"unknown-call"}`, body)
	}
}

func TestARequestThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	for call, most := range map[string]int{"latest": 64 << 10, "count": 64 << 10, "raise": 1 << 20, "keep": 8 << 20} {
		declared := fmt.Sprintf("POST /v1/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", call, 1<<40)
		status, body := said(t, r.url, declared)
		require.Equal(t, "413", status, call)
		require.Equal(t, `{"code":"invalid"}`, body)

		undeclared := fmt.Sprintf("POST /v1/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", call) +
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", most+1, strings.Repeat(" ", most+1))
		status, _ = said(t, r.url, undeclared)
		require.Equal(t, "413", status, call)
	}
}

// A client says the same of what it would not get through.
func TestAClientRefusesWhatItsServerWould(t *testing.T) {
	t.Parallel()
	client, err := witness.NewClient(witness.ClientConfig{
		URL: "https://127.0.0.1:1", Identity: identity(t, "service"), Server: identity(t, "witness").Public(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	ctx := t.Context()
	_, err = client.Raise(ctx, [16]byte{1}, nil, make([]byte, 1<<20), true)
	require.ErrorIs(t, err, witness.ErrInvalid)
	require.ErrorIs(t, client.Keep(ctx, [16]byte{1}, nil, []witness.Kept{{Key: "a", Value: make([]byte, 8<<20)}}), witness.ErrInvalid)
	require.ErrorIs(t, client.Keep(ctx, [16]byte{1}, nil, []witness.Kept{{Key: "\xff"}}), witness.ErrInvalid, "JSON would send another key")
	_, err = client.Restore(ctx, [16]byte{1}, make([]byte, 1<<20))
	require.ErrorIs(t, err, witness.ErrRestore)
	require.ErrorIs(t, client.Reset(ctx, [16]byte{1}, password, make([]byte, 1<<20)), witness.ErrStatement)
	_, err = client.Latest(ctx, [16]byte{1})
	require.ErrorIs(t, err, witness.ErrUnavailable, "and nobody was asked")
}

func TestTheLargestOwnerSidePasses(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	p := newPerson(t)
	h, side := p.sideOf(1, "first", nil)
	size := 0
	for _, k := range side {
		size += len(k.Key) + len(k.Value)
	}
	for n := len(side); n < witness.MaxSideRecords; n++ {
		key := fmt.Sprintf("%d%s", n, strings.Repeat(`"`, storage.MaxKey-10))
		room := (witness.MaxSideBytes - size) / (witness.MaxSideRecords - n)
		side = append(side, witness.Kept{Key: key, Value: make([]byte, room-len(key))})
		size += room
	}
	require.NoError(t, r.client.Keep(t.Context(), p.vault, h.record, side))
	_, err := r.client.Raise(t.Context(), p.vault, h.heads(), h.record, true)
	require.NoError(t, err)
	owner, kept, err := r.client.OwnerSide(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, h.record, owner)
	require.True(t, len(kept) == witness.MaxSideRecords && len(kept[1023].Value) == len(side[1023].Value))
}

func TestAServerHasALimitForEverything(t *testing.T) {
	t.Parallel()
	h := newServer(t, served(t, "service", start(t, memstore.New(), witness.Config{}))).HTTP()
	for _, limit := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout} {
		require.Positive(t, limit)
		require.LessOrEqual(t, limit, 2*time.Minute)
	}
	require.Positive(t, h.MaxHeaderBytes)

	h.ReadHeaderTimeout, h.ReadTimeout, h.IdleTimeout = time.Second, 2*time.Second, time.Second
	url, _ := serving(t, h)
	whole := rawRequest("POST", "/v1/latest", `{"vault":"01010101010101010101010101010101"}`)
	for name, at := range map[string]int{"nothing": 0, "a slow header": 10, "a slow body": len(whole) - 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, url)
			_, err := io.WriteString(conn, whole[:at])
			require.NoError(t, err)
			answer, err := io.ReadAll(conn) // ends when the server has had enough
			require.NoError(t, err)
			require.NotContains(t, string(answer), "200 OK")
		})
	}
	conn := dial(t, url)
	_, err := io.WriteString(conn, strings.Replace(whole, "\r\n", "\r\nX: "+strings.Repeat("x", 32<<10)+"\r\n", 1))
	require.NoError(t, err)
	answer, _ := io.ReadAll(conn)
	require.Contains(t, string(answer), "431")
}

func TestOneClientsCallsDoNotTakeAnothersPlaces(t *testing.T) {
	t.Parallel()
	blocked := &gate{Driver: memstore.New()}
	busy, free := start(t, blocked, witness.Config{}), start(t, memstore.New(), witness.Config{})
	server, err := witness.NewServer(witness.ServerConfig{
		Identity: identity(t, "witness"), Clients: []witness.ServedClient{served(t, "busy", busy), served(t, "free", free)}, Calls: 2,
	})
	require.NoError(t, err)
	url, _ := serving(t, server.HTTP())
	blocked.shut = make(chan struct{})
	answers := make(chan error)
	for n := range byte(10) {
		client := newClient(t, "busy", url)
		go func() {
			_, err := client.Latest(t.Context(), [16]byte{n})
			answers <- err
		}()
	}
	for range 20 { // beside ten calls that stand still
		_, err := newClient(t, "free", url).Latest(t.Context(), [16]byte{1})
		require.NoError(t, err)
	}
	close(blocked.shut)
	for range 10 {
		require.NoError(t, <-answers, "those that waited have their turn")
	}
}

// crowd counts who is inside at once.
type crowd struct {
	gate
	inside atomic.Int32
}

func (c *crowd) Get(ctx context.Context, key string) (storage.Record, error) {
	c.inside.Add(1)
	defer c.inside.Add(-1)
	return c.gate.Get(ctx, key)
}

func TestAClientHasNoMoreThanItsPlaces(t *testing.T) {
	t.Parallel()
	driver := &crowd{gate: gate{Driver: memstore.New()}}
	server, err := witness.NewServer(witness.ServerConfig{
		Identity: identity(t, "witness"), Clients: []witness.ServedClient{served(t, "service", start(t, driver, witness.Config{}))}, Calls: 2,
	})
	require.NoError(t, err)
	h := server.HTTP()
	var arrived atomic.Int32
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		server.ServeHTTP(w, r)
	})
	url, _ := serving(t, h)
	driver.shut = make(chan struct{})
	client := newClient(t, "service", url)
	answers := make(chan error)
	for n := range byte(10) {
		go func() {
			_, err := client.Latest(t.Context(), [16]byte{n})
			answers <- err
		}()
	}
	require.Eventually(t, func() bool { return arrived.Load() == 10 && driver.inside.Load() == 2 }, 10*time.Second, time.Millisecond)
	require.Never(t, func() bool { return driver.inside.Load() > 2 }, 100*time.Millisecond, 5*time.Millisecond)
	close(driver.shut)
	for range 10 {
		require.NoError(t, <-answers)
	}
}

func TestAConfigurationIsRefusedWithEveryProblem(t *testing.T) {
	t.Parallel()
	w := start(t, memstore.New(), witness.Config{})
	_, err := witness.NewServer(witness.ServerConfig{Calls: -1})
	require.ErrorIs(t, err, witness.ErrInvalid)
	for _, problem := range []string{"Identity", "Clients is empty", "Calls"} {
		require.ErrorContains(t, err, problem)
	}
	one := served(t, "one", w)
	_, err = witness.NewServer(witness.ServerConfig{Identity: identity(t, "witness"), Clients: []witness.ServedClient{
		one, {Name: "two", Key: one.Key, Witness: w}, {}, {Name: strings.Repeat("n", 65), Key: witness.PublicKey{1}},
	}})
	require.ErrorIs(t, err, witness.ErrInvalid)
	for _, problem := range []string{
		"Clients[1].Key is that of another", "Clients[2].Name", "Clients[2].Key", "Clients[2].Witness", "Clients[3].Name", "Clients[3].Key", "Clients[3].Witness",
	} {
		require.ErrorContains(t, err, problem)
	}

	_, err = witness.NewClient(witness.ClientConfig{Timeout: -1, Connections: -1})
	require.ErrorIs(t, err, witness.ErrInvalid)
	for _, problem := range []string{"URL", "Identity", "Server", "Timeout", "Connections"} {
		require.ErrorContains(t, err, problem)
	}
	for _, url := range []string{
		"", "witness.example.org", "http://witness.example.org", "https://", "https://:8443", "https://user:hunter2@witness.example.org",
		"https://witness.example.org/v1", "https://witness.example.org/?q", "https://witness.example.org/?", "https://witness.example.org/#f", "https://%zz",
	} {
		_, err := witness.NewClient(witness.ClientConfig{URL: url, Identity: identity(t, "service"), Server: identity(t, "witness").Public()})
		require.ErrorIs(t, err, witness.ErrInvalid, url)
		require.NotContains(t, err.Error(), "hunter2")
	}
	client, err := witness.NewClient(witness.ClientConfig{URL: "https://[::1]:8443/", Identity: identity(t, "service"), Server: identity(t, "witness").Public()})
	require.NoError(t, err)
	require.NoError(t, client.Close())
}
